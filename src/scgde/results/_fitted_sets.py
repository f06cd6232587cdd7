"""The one reader of a fit: its model, the cells of its sets, and their embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import numpy as np

from scgde import _keys
from scgde._checks import check_columns, check_sets
from scgde.data import CellSets, CellView, SetIndex, check_fingerprint
from scgde.model._base_gde import BaseGDE
from scgde.model._base_tde import BaseTDE
from scgde.results._store import read_model
from scgde.sets._cell_weights import read_cell_weights
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import own_column
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config

ModelT = TypeVar("ModelT", BaseGDE, BaseTDE)


@dataclass(frozen=True)
class FittedSets(Generic[ModelT]):
    """Sets with embeddings, and the model that embedded them.

    Attributes
    ----------
    model
        The model.
    cells
        Cells of the sets, as the model reads them.
    embedding
        Of each set, shape ``(S, E)``.
    params
        Options of the fit.
    split
        What the fit used each set for; None of sets that were embedded without a fit.
    content
        All entries, see :func:`scgde.sets._entries.read_entries`.
    """

    model: ModelT
    cells: CellSets
    embedding: np.ndarray
    params: Config
    split: pd.Series | None = None
    content: Config = field(default_factory=dict)

    @classmethod
    def read(cls, adata: AnnData, key: str, model_class: type[ModelT] | None = None, *, all_rows: bool = False) -> Self:
        """What ``adata`` holds under ``key``: the sets that have cells here, which must be those of the fit.

        Parameters
        ----------
        adata
            A fitted AnnData, or one with embedded sets, with their cells.
        key
            Name under which the fit was written.
        model_class
            Class that the model must be of.
        all_rows
            Whether most cells will be read.

        Raises
        ------
        KeyError
            If there is no fit.
        ValueError
            If the model is of another class, or cells, groups or features are not those that were embedded.
        """
        model: Any = read_model(adata, key) if model_class is None else read_model(adata, key, model_class)
        content = read_entries(adata, key)
        index = _index_of_sets(adata, content, key)
        encoder, target = model.representations
        read = CellView.open(adata, encoder, all_rows=all_rows)
        modelled = read if target is encoder else CellView.open(adata, target, all_rows=all_rows)
        cells = CellSets(read, modelled, index, content[_keys.SETS])
        check_fingerprint(content.get(_keys.FINGERPRINT), cells, adata.obs_names, key)
        split = own_column(content, key, _keys.SPLIT)
        return cls(model, cells, np.asarray(content[_keys.EMBEDDING]), content[_keys.PARAMS], split, content)

    @property
    def table(self) -> pd.DataFrame:
        """One row per set."""
        return self.cells.table

    @property
    def index(self) -> SetIndex:
        """Cells of each set."""
        return self.cells.index

    def rows_of(self, names: str | Iterable[str], argument: str) -> np.ndarray:
        """Rows of the set table of named sets, shape ``(n,)``.

        Raises
        ------
        KeyError
            If there is no set of a name.
        """
        return check_sets(self.table.index, names, f"`{argument}`")

    def observed(self, rows: np.ndarray) -> np.ndarray:
        """Cells of some rows of the AnnData, in the representation that is modelled, ``(n, *shape)``."""
        return self.cells.target.store.rows(rows)

    def ground(self, rows: np.ndarray) -> np.ndarray:
        """The same in coordinates in which distances mean something to the model, float64 of shape ``(n, D)``."""
        return self.model.ground(self.observed(rows))


def check_set_column(adata: AnnData, key: str) -> None:
    """Require the column of ``obs`` with the set of each cell."""
    column = _keys.set_column(key)
    if column not in adata.obs:
        msg = f"`adata.obs` must hold {column!r}, which the fit wrote, got {list(adata.obs)}. Embed the sets again."
        raise KeyError(msg)


def _index_of_sets(adata: AnnData, content: Config, key: str) -> SetIndex:
    """Cells of each row of the set table, with their weights."""
    check_set_column(adata, key)
    table, weight_key = content[_keys.SETS], content[_keys.PARAMS].get("weight_key")
    check_columns(adata.obs, weight_key=weight_key)
    codes = rows_of_cells(adata.obs[_keys.set_column(key)], table)
    return SetIndex.from_codes(codes, len(table), weights=read_cell_weights(adata.obs, weight_key, codes))
