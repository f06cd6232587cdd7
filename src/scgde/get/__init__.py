"""Results out of AnnData."""

from __future__ import annotations

from scgde.get._sets import sets

__all__ = ["sets"]
