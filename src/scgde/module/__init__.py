"""Encoder and generator as one trainable module."""

from __future__ import annotations

from scgde.module._gde import GDEModule

__all__ = ["GDEModule"]
