"""Figures of what :mod:`scgde.tl` wrote."""

from __future__ import annotations

from scgde.pl._convergence import convergence
from scgde.pl._embedding import embedding
from scgde.pl._generated import generated
from scgde.pl._history import history
from scgde.pl._uncertainty import uncertainty

__all__ = ["convergence", "embedding", "generated", "history", "uncertainty"]
