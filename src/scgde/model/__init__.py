"""The scvi-tools-style classes under ``scgde.tl``."""

from __future__ import annotations

from scgde.model._gde import GDE

__all__ = ["GDE"]
