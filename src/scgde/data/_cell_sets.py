"""Cells in sets: the one carrier from an AnnData to the batch."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import pandas as pd

from scgde._columns import check_by_name
from scgde.data._fingerprint import rows_as_bytes
from scgde.data._index import SetIndex
from scgde.data._set_column import set_codes, set_names
from scgde.data.representations import Vectors
from scgde.sets import split_sets
from scgde.sets._columns import per_set_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from scgde.data.representations import Representation
    from scgde.data.stores import CellStore
    from scgde.sets import Grouping, SetSplit


class CellView(NamedTuple):
    """Cells in one representation, and where they are."""

    representation: Representation
    store: CellStore

    @classmethod
    def open(cls, adata: AnnData, representation: Representation, *, all_rows: bool = True) -> CellView:
        """Cells of ``adata`` as ``representation`` reads them; ``all_rows`` or few.

        Warns
        -----
        UserWarning
            If most rows will be read, and are slow to reach.
        """
        store = representation.open(adata, all_rows=all_rows)
        if all_rows and store.slow is not None:
            msg = f"Cells of {representation.label} are read slowly: {store.slow}."
            warnings.warn(msg, UserWarning, stacklevel=5)
        return cls(representation, store)


@dataclass(frozen=True)
class CellSets:
    """Cells in sets.

    Parameters
    ----------
    encoder, target
        What is read of a cell, and what is modelled; often one and the same.
    index
        Which cells are in which set.
    table
        One row per set, in the order of ``index``.
    """

    encoder: CellView
    target: CellView
    index: SetIndex
    table: pd.DataFrame

    @classmethod
    def from_grouping(
        cls,
        adata: AnnData,
        grouping: Grouping,
        representation: Representation,
        target: Representation | None = None,
    ) -> Self:
        """Sets of the cells of ``adata``.

        Parameters
        ----------
        adata
            Cells.
        grouping
            Which set each is in, and its weight there.
        representation, target
            What is read of a cell and, where that is something else, what is modelled.
        """
        encoder = CellView.open(adata, representation)
        view = encoder if target is None or target is representation else CellView.open(adata, target)
        index = SetIndex.from_codes(grouping.codes, len(grouping.table), weights=grouping.weights)
        return cls(encoder, view, index, grouping.table)

    @classmethod
    def from_registered(
        cls,
        adata: AnnData,
        *,
        set_key: str,
        use_rep: str | None = None,
        layer: str | None = None,
        representation: Representation | None = None,
    ) -> Self:
        """Sets as ``setup_anndata`` names them; nothing is registered, nothing written.

        Parameters
        ----------
        adata
            Cells.
        set_key
            Column of ``obs``.
        use_rep, layer
            Where the features are; ``X`` by default.
        representation
            In place of these two, that of a model.

        Raises
        ------
        KeyError
            If an entry is missing.
        """
        check_entries(adata, set_key, use_rep, layer)
        if representation is None:
            representation = Vectors.from_adata(adata, use_rep=use_rep or "X", layer=layer)
        names = set_names(adata.obs[set_key])
        index = SetIndex.from_codes(set_codes(adata.obs[set_key]).to_numpy(), len(names))
        view = CellView.open(adata, representation)
        return cls(view, view, index, pd.DataFrame(index=names))

    @property
    def names(self) -> pd.Index:
        """Names of the sets."""
        return self.table.index

    def rows_of(self, names: Sequence[str], argument: str) -> np.ndarray:
        """Row of each named set in the table.

        Raises
        ------
        KeyError
            If there is no set of that name.
        """
        rows = self.names.get_indexer_for(pd.Index(list(names)))
        if (rows < 0).any():
            unknown = [name for name, row in zip(names, rows, strict=True) if row < 0]
            msg = f"`{argument}` must name sets, got {unknown[:5]}. Some sets: {self.names[:5].tolist()}."
            raise KeyError(msg)
        return rows

    def split(self, column: pd.Series | None = None, **options: Any) -> SetSplit:
        """Which sets are trained on and which validate, see :func:`scgde.sets.split_sets`."""
        return split_sets(len(self.names), column, **options)

    def weights(self, weights: Mapping[str, float] | pd.Series | None) -> np.ndarray | None:
        """Weight of each set, in the order of the table, with mean 1; None for equal ones.

        Raises
        ------
        KeyError
            If a set has none.
        TypeError, ValueError
            If a weight is not a positive number, or a set has several.
        """
        if weights is None:
            return None
        given = check_by_name(weights, "set_weights")
        values = given.reindex(self.names).to_numpy()
        known = self.names.isin(given.index)
        if not known.all():
            msg = f"`set_weights` must hold a weight for each set, got none for {self.names[~known][:5].tolist()}."
            raise KeyError(msg)
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            msg = f"`set_weights` must be positive and finite, got {values[bad][0]} for {self.names[bad][0]!r}."
            raise ValueError(msg)
        return values / values.mean()

    def digest(self, *arrays: np.ndarray) -> str:
        """Text that changes when the sets, their cells, the features of some or any of ``arrays`` change."""
        content = hashlib.sha256("\n".join(map(str, self.names)).encode())
        for block in rows_as_bytes(self):
            content.update(block)
        weighted = [] if self.index.weights is None else [self.index.weights]
        for array in (self.index.cells, self.index.offsets, *weighted, *arrays):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()


def column_of_sets(obs: pd.DataFrame, grouping: Grouping, column: str | None, argument: str) -> pd.Series | None:
    """Column of ``obs`` with one value per set of a grouping, None for None; see :func:`per_set_column`."""
    if column is None:
        return None
    return per_set_column(obs, grouping.codes, grouping.table.index, column, argument)


def weights_of_sets(obs: pd.DataFrame, grouping: Grouping, set_weights: str | pd.Series | None) -> pd.Series | None:
    """Weight of each set by name, from a column of ``obs`` or as given."""
    if set_weights is None:
        return None
    if isinstance(set_weights, pd.Series):
        return check_by_name(set_weights, "set_weights")
    if not isinstance(set_weights, str):
        msg = f"`set_weights` must be a column of `adata.obs` or a Series, got {type(set_weights).__name__}."
        raise TypeError(msg)
    return column_of_sets(obs, grouping, set_weights, "set_weights")


def check_entries(adata: AnnData, set_key: str, use_rep: str | None, layer: str | None) -> None:
    """Require the entries that ``setup_anndata`` names."""
    if use_rep is not None and layer is not None:
        msg = f"`use_rep` and `layer` exclude each other, got {use_rep!r} and {layer!r}. Pass one."
        raise ValueError(msg)
    entries = ((set_key, "set_key", "obs"), (use_rep, "use_rep", "obsm"), (layer, "layer", "layers"))
    for name, argument, where in entries:
        found = getattr(adata, where)
        if name is not None and name not in found:
            names = [entry for entry in found if entry is not None]  # None is X, in newer versions of anndata
            msg = f"`{argument}` must name an entry of `adata.{where}`, got {name!r}. Entries: {names}."
            raise KeyError(msg)
