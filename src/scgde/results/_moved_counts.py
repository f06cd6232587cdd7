"""Counts of cells that were moved: observed ones, at other rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from scgde.data.representations import Components
from scgde.data.stores import by_row, map_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData

    from scgde.model._base_tde import BaseTDE


def returns_counts(model: BaseTDE, *, decode: bool | None) -> bool:
    """Whether moved cells come back as counts: of a fit of counts, unless components are asked for."""
    representation = model.target_representation
    return decode is not False and representation is not None and representation.moves_counts


class MovedCounts:
    """Observed counts of the cells of a fit, which are moved set by set.

    Parameters
    ----------
    model
        A fit of counts.
    adata
        Holds the counts.
    rows
        All cells that will be moved.

    Raises
    ------
    KeyError
        If there is no such layer, or a gene is missing.
    ValueError
        If these cells have values that are no counts.
    """

    def __init__(self, model: BaseTDE, adata: AnnData, rows: np.ndarray) -> None:
        representation = model.target_representation
        assert isinstance(representation, Components)
        inside = np.full(adata.n_obs, -1)
        inside[rows] = 0
        representation.check(adata, inside)
        self._components = representation
        self._counts = by_row(map_file(representation.counts.read(adata)))

    def at(
        self, rows: Sequence[np.ndarray], start: Sequence[np.ndarray], end: Sequence[np.ndarray], *, seed: int
    ) -> list[sparse.csr_matrix]:
        """Counts of the cells in ``rows`` of each set, moved from components ``start`` to ``end``, lists ``(n, D)``."""
        rng = np.random.default_rng(seed)
        return [
            self._components.moved_counts(self._of(cells), after - before, rng)
            for cells, before, after in zip(rows, start, end, strict=True)
        ]

    def components_at(self, *ends: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
        """Components of the counts that :meth:`at` gives, ``(n, D)`` of each set."""
        return [self._components.project(counts) for counts in self.at(*ends, seed=seed)]

    def to_adata(self, *ends: Sequence[np.ndarray], obs: pd.DataFrame, seed: int) -> AnnData:
        """The counts that :meth:`at` gives; ``obs`` has one row per cell, set by set."""
        counts = sparse.vstack(self.at(*ends, seed=seed), format="csr")
        return self._components.counts.to_adata(counts, obs)

    def _of(self, rows: np.ndarray) -> sparse.csr_matrix:
        order = np.argsort(rows, kind="stable")
        counts = sparse.csr_matrix(self._counts[rows[order]], dtype=np.float32)
        return counts[np.argsort(order, kind="stable")]
