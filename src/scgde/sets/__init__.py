"""Which cells are in which set, and what is known of each set; on pandas alone."""

from __future__ import annotations

from scgde.sets._covariates import SetCovariate
from scgde.sets._grouping import Grouping, group_cells
from scgde.sets._pairing import Pairing, pair_sets
from scgde.sets._splits import SetSplit, split_sets
from scgde.sets._time_scale import TimeScale

__all__ = ["Grouping", "Pairing", "SetCovariate", "SetSplit", "TimeScale", "group_cells", "pair_sets", "split_sets"]
