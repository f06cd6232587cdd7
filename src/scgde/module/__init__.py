"""Encoder and generator, or encoder and transport, as one trainable module."""

from __future__ import annotations

from scgde.module._base import SetModule
from scgde.module._count_readout import CountReadout, KnownOfSets
from scgde.module._gde import GDEModule
from scgde.module._tde import TDEModule

__all__ = ["CountReadout", "GDEModule", "KnownOfSets", "SetModule", "TDEModule"]
