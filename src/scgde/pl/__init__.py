"""Figures of what :mod:`scgde.tl` wrote."""

from __future__ import annotations

from scgde.pl._embedding import embedding
from scgde.pl._generated import generated
from scgde.pl._history import history

__all__ = ["embedding", "generated", "history"]
