"""From the cells of an AnnData to batches of empirical measures."""

from __future__ import annotations

from scgde.data import representations
from scgde.data._cell_sets import CellSets, CellView, check_entries, column_of_sets, weights_of_sets
from scgde.data._datamodule import SetDataModule
from scgde.data._datasets import BatchSpec, SetBatchDataset
from scgde.data._fingerprint import check_fingerprint, fingerprint
from scgde.data._full_sets import full_set_batches
from scgde.data._index import SetIndex
from scgde.data._pair_dataset import PairDataset, Pairs
from scgde.data._sampling import Draw, Views, draw_views
from scgde.data._scvi_field import SET_KEY, SetField, set_codes, set_names
from scgde.data.stores import CellStore, blocks, open_store

__all__ = [
    "SET_KEY",
    "BatchSpec",
    "CellSets",
    "CellStore",
    "CellView",
    "Draw",
    "PairDataset",
    "Pairs",
    "SetBatchDataset",
    "SetDataModule",
    "SetField",
    "SetIndex",
    "Views",
    "blocks",
    "check_entries",
    "check_fingerprint",
    "column_of_sets",
    "draw_views",
    "fingerprint",
    "full_set_batches",
    "open_store",
    "representations",
    "set_codes",
    "set_names",
    "weights_of_sets",
]
