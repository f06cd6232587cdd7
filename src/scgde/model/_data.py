from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._checks import check_fraction
from scgde.data import CellStore, SetIndex, hold_out, hold_out_pairs, open_store, set_codes, set_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData


@dataclass(frozen=True)
class SetData:
    """Cells in sets, as a model reads them.

    Parameters
    ----------
    features
        Features of all cells.
    index
        Which cells belong to which set.
    names
        Names of the sets.
    """

    features: CellStore
    index: SetIndex
    names: pd.Index

    @classmethod
    def read(cls, adata: AnnData, set_key: str, *, use_rep: str | None = None, layer: str | None = None) -> SetData:
        """Read the entries that ``GDE.setup_anndata`` names. Nothing is registered, nothing written.

        Raises
        ------
        KeyError
            If an entry is missing.
        """
        check_entries(adata, set_key, use_rep, layer)
        x = adata.obsm[use_rep] if use_rep else adata.layers[layer] if layer else adata.X
        names = set_names(adata.obs[set_key])
        index = SetIndex.from_codes(set_codes(adata.obs[set_key]).to_numpy(), len(names))
        return cls(open_store(x.to_numpy() if isinstance(x, pd.DataFrame) else x), index, names)

    def split(
        self,
        train_sets: Sequence[str] | None,
        validation_sets: Sequence[str] | None,
        *,
        fraction: float,
        seed: int,
        links: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the sets to train and to validate on: as named, or a random split by ``fraction``.

        Sets that ``links``, shape ``(n, 2)``, join are not parted by a random split.
        """
        if train_sets is None:
            fraction, n_sets = check_fraction(fraction, "validation_fraction"), len(self.names)
            split = hold_out if links is None else partial(hold_out_pairs, links)
            return split(n_sets, fraction, seed=seed)
        return self.places(train_sets, "train_sets"), self.places(validation_sets or [], "validation_sets")

    def places(self, names: Sequence[str], argument: str) -> np.ndarray:
        """Position of each named set.

        Raises
        ------
        KeyError
            If there is no set of that name.
        """
        places = self.names.get_indexer_for(pd.Index(list(names)))
        if (places < 0).any():
            unknown = [name for name, place in zip(names, places, strict=True) if place < 0]
            msg = f"`{argument}` must name sets, got {unknown[:5]}. Some sets: {self.names[:5].tolist()}."
            raise KeyError(msg)
        return places

    def aligned(self, weights: Mapping[str, float] | pd.Series) -> np.ndarray:
        """Weight of each set, in the order of ``names``, with mean 1.

        Raises
        ------
        KeyError
            If a set has none.
        ValueError
            If a weight is not a positive number.
        """
        values = pd.Series(weights, dtype=float).reindex(self.names).to_numpy()
        known = self.names.isin(pd.Series(weights).index)
        if not known.all():
            msg = f"`set_weights` must hold a weight for each set, got none for {self.names[~known][:5].tolist()}."
            raise KeyError(msg)
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            msg = f"`set_weights` must be positive and finite, got {values[bad][0]} for {self.names[bad][0]!r}."
            raise ValueError(msg)
        return values / values.mean()

    def digest(self, *arrays: np.ndarray) -> str:
        """Text that changes when the sets, their cells or any of ``arrays`` change."""
        content = hashlib.sha256("\n".join(map(str, self.names)).encode())
        for array in (self.index.cells, self.index.offsets, *arrays):
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()


def check_entries(adata: AnnData, set_key: str, use_rep: str | None, layer: str | None) -> None:
    """Require the entries that ``GDE.setup_anndata`` names."""
    if use_rep is not None and layer is not None:
        msg = f"`use_rep` and `layer` exclude each other, got {use_rep!r} and {layer!r}. Pass one."
        raise ValueError(msg)
    _check_entry(adata.obs, set_key, "set_key", "obs")
    if use_rep is not None:
        _check_entry(adata.obsm, use_rep, "use_rep", "obsm")
    if layer is not None:
        _check_entry(adata.layers, layer, "layer", "layers")


def _check_entry(entries: pd.DataFrame | dict, name: str, argument: str, where: str) -> None:
    if name not in entries:
        msg = f"`{argument}` must name an entry of `adata.{where}`, got {name!r}. Entries: {list(entries)}."
        raise KeyError(msg)
