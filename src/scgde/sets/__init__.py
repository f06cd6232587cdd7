"""Which cells are in which set, and what is known of each set; on pandas alone."""

from __future__ import annotations

from scgde.sets._grouping import Grouping, group_cells
from scgde.sets._pairing import TimeScale

__all__ = ["Grouping", "TimeScale", "group_cells"]
