"""From an AnnData of cells to batches of empirical measures."""

from __future__ import annotations

from scgde.sets._draws import Draw, Views, draw_views
from scgde.sets._embed import whole_sets
from scgde.sets._features import Features, blocks, open_features
from scgde.sets._field import SET_KEY, SetField, set_codes, set_names
from scgde.sets._index import SetIndex
from scgde.sets._pairs import PairDataset, Pairs, hold_out_pairs
from scgde.sets._splitter import SetSplitter, gather_views, hold_out
from scgde.sets._steps import BatchSpec, StepDataset

__all__ = [
    "SET_KEY",
    "BatchSpec",
    "Draw",
    "Features",
    "PairDataset",
    "Pairs",
    "SetField",
    "SetIndex",
    "SetSplitter",
    "StepDataset",
    "Views",
    "blocks",
    "draw_views",
    "gather_views",
    "hold_out",
    "hold_out_pairs",
    "open_features",
    "set_codes",
    "set_names",
    "whole_sets",
]
