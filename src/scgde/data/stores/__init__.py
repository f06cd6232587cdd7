"""Cells on demand, from memory or from disk. All stores give the same numbers: only `gather` differs."""

from __future__ import annotations

from scgde.data.stores._base import CellStore
from scgde.data.stores._blocks import blocks, by_row, sparse_blocks
from scgde.data.stores._dense import DenseStore
from scgde.data.stores._mapped import MappedRows
from scgde.data.stores._mapping import map_file
from scgde.data.stores._open import open_store
from scgde.data.stores._sparse import SparseStore
from scgde.data.stores._streamed import StreamedStore

__all__ = [
    "CellStore",
    "DenseStore",
    "MappedRows",
    "SparseStore",
    "StreamedStore",
    "blocks",
    "by_row",
    "map_file",
    "open_store",
    "sparse_blocks",
]
