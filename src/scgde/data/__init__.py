"""From an AnnData of cells to batches of empirical measures."""

from __future__ import annotations

from scgde.data._datamodule import SetDataModule, gather_views, hold_out
from scgde.data._datasets import BatchSpec, SetBatchDataset
from scgde.data._full_sets import full_set_batches
from scgde.data._index import SetIndex
from scgde.data._pair_dataset import PairDataset, Pairs, hold_out_pairs
from scgde.data._sampling import Draw, Views, draw_views
from scgde.data._scvi_field import SET_KEY, SetField, set_codes, set_names
from scgde.data._stores import CellStore, blocks, open_store

__all__ = [
    "SET_KEY",
    "BatchSpec",
    "CellStore",
    "Draw",
    "PairDataset",
    "Pairs",
    "SetBatchDataset",
    "SetDataModule",
    "SetField",
    "SetIndex",
    "Views",
    "blocks",
    "draw_views",
    "full_set_batches",
    "gather_views",
    "hold_out",
    "hold_out_pairs",
    "open_store",
    "set_codes",
    "set_names",
]
