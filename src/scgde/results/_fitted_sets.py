"""The one reader of a fit: its model, the cells of its sets, and their embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Self, TypeVar

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_sets
from scgde.data import CellSets, CellView, SetIndex
from scgde.model import GDE, TDE
from scgde.results._store import read_model
from scgde.sets._cell_weights import read_cell_weights
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anndata import AnnData

    from scgde._types import Config

ModelT = TypeVar("ModelT", GDE, TDE)


@dataclass(frozen=True)
class FittedSets(Generic[ModelT]):
    """Sets with embeddings, and the model that embedded them.

    Attributes
    ----------
    model
        The model.
    cells
        Cells of the sets, as the model reads them; sets may have lost cells since the fit.
    embedding
        Of each set, shape ``(S, E)``.
    params
        Options of the fit.
    """

    model: ModelT
    cells: CellSets
    embedding: np.ndarray
    params: Config

    @classmethod
    def read(
        cls, adata: AnnData, key: str, model_class: type[ModelT] | None = None, *, all_cells: bool = False
    ) -> Self:
        """What ``adata`` holds under ``key``.

        Parameters
        ----------
        adata
            A fitted AnnData, or one with embedded sets, with their cells.
        key
            Name under which the fit was written.
        model_class
            Class that the model must be of.
        all_cells
            Whether all cells that the sets had in the fit must be there.

        Raises
        ------
        KeyError
            If there is no fit.
        ValueError
            If the model is of another class, features differ, or cells are missing that must not.
        """
        model = read_model(adata, key) if model_class is None else read_model(adata, key, model_class)
        content = adata.uns[key]
        table = in_present_names(content[_keys.SETS])
        weights = read_cell_weights(adata.obs, content[_keys.PARAMS].get("weight_key"))
        index = index_of_sets(adata, table, key)._replace(weights=weights)
        if all_cells:
            _check_complete(table, index)
        encoder, target = model.representations
        read = CellView.open(adata, encoder, all_rows=all_cells)
        modelled = read if target is encoder else CellView.open(adata, target, all_rows=all_cells)
        cells = CellSets(read, modelled, index, table)
        return cls(model, cells, np.asarray(content[_keys.EMBEDDING]), content[_keys.PARAMS])

    @property
    def table(self) -> pd.DataFrame:
        """One row per set."""
        return self.cells.table

    @property
    def index(self) -> SetIndex:
        """Cells of each set."""
        return self.cells.index

    @property
    def split(self) -> pd.Series | None:
        """What the fit used each set for; None of sets that were embedded without a fit."""
        return split_column(self.table)

    def rows_of(self, names: str | Iterable[str], argument: str) -> np.ndarray:
        """Rows of the set table of named sets, shape ``(n,)``.

        Raises
        ------
        KeyError
            If there is no set of a name.
        """
        return check_sets(self.table.index, names if isinstance(names, str) else list(names), f"`{argument}`")

    def observed(self, rows: np.ndarray) -> np.ndarray:
        """Cells of some rows of the AnnData, in the representation that is modelled, ``(n, *shape)``."""
        return self.cells.target.store.rows(rows)

    def ground(self, rows: np.ndarray) -> np.ndarray:
        """The same in coordinates in which distances mean something to the model, float64 of shape ``(n, D)``."""
        return self.model.ground(self.observed(rows))


def index_of_sets(adata: AnnData, table: pd.DataFrame, key: str) -> SetIndex:
    """Cells of each row of the set table, also where the AnnData was subset since."""
    return SetIndex.from_codes(rows_of_cells(adata.obs[_keys.set_column(key)], table), len(table))


def split_column(table: pd.DataFrame) -> pd.Series | None:
    """What a fit used each set, or pair, of a table for; None where the table does not say."""
    return in_present_names(table).get(_keys.SPLIT)


def in_present_names(table: pd.DataFrame) -> pd.DataFrame:
    """A table of sets or pairs with the column ``split``, which version 0.1.0 called ``role``."""
    if _OLD_SPLIT not in table or not set(table[_OLD_SPLIT].astype(str)) <= {*_keys.SPLITS[:2], _OLD_TEST}:
        return table
    split = table[_OLD_SPLIT].astype(str).replace(_OLD_TEST, _keys.SPLITS[-1])
    # A column of the user's of this name is in `obs`, too.
    return table.drop(columns=_OLD_SPLIT).assign(**{_keys.SPLIT: pd.Categorical(split, pd.Index(_keys.SPLITS))})


_OLD_SPLIT, _OLD_TEST = "role", "held out"


def _check_complete(table: pd.DataFrame, index: SetIndex) -> None:
    short = index.sizes != table[_keys.N_CELLS].to_numpy()
    if short.any():
        msg = (
            f"`adata` must hold all cells of its sets, but some of {int(short.sum())} sets are missing: "
            f"{table.index[short][:5].tolist()}. Use the whole AnnData, or embed the sets again with `scgde.tl.embed`."
        )
        raise ValueError(msg)
