"""Counts of genes where an AnnData holds them, sparse throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from scgde.data.representations._vectors import Vectors, are_counts
from scgde.data.stores import sparse_blocks

if TYPE_CHECKING:
    from anndata import AnnData

#: Column of ``obs`` with the counts of a cell in all.
LIBRARY_SIZE = "library_size"


class CountLayer(NamedTuple):
    """Counts of named genes in a layer, or in ``X``.

    Parameters
    ----------
    layer
        Name in ``layers``; None for ``X``.
    genes
        Names of the genes.
    """

    layer: str | None
    genes: list[str]

    @classmethod
    def from_adata(cls, adata: AnnData, layer: str | None) -> Self:
        """All genes of a layer of ``adata``.

        Raises
        ------
        KeyError
            If there is no such layer.
        ValueError
            If there are fewer than two genes.
        """
        entry = Vectors.from_adata(adata, use_rep="X", layer=layer)
        if len(entry.names) < 2:
            msg = f"{entry.label} must hold counts of at least two genes, got {len(entry.names)}."
            raise ValueError(msg)
        return cls(layer, entry.names)

    @property
    def label(self) -> str:
        """How messages name it."""
        return self._entry.label

    def read(self, adata: AnnData) -> Any:
        """Counts, shape ``(n_obs, G)``, the genes matched by name."""
        return self._entry.read(adata)

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        """Require whole numbers, zero or above, of the cells in a set: ``codes`` ``(n_obs,)`` at least 0.

        Raises
        ------
        ValueError
            If some cells have others.
        """
        n_bad, example = 0, np.nan
        for start, block in sparse_blocks(self.read(adata)):
            inside = block[codes[start : start + block.shape[0]] >= 0]
            wrong = ~are_counts(inside.data)
            if wrong.any():
                example = inside.data[wrong][0]
                n_bad += len(np.unique(np.repeat(np.arange(inside.shape[0]), np.diff(inside.indptr))[wrong]))
        if n_bad:
            msg = (
                f"{self.label} must hold counts, whole numbers of at least 0, got others, such as {example:g}, in "
                f'{n_bad} cells. Name the layer of raw counts with `layer`, or fit with `cells="vectors"`.'
            )
            raise ValueError(msg)

    def to_adata(self, counts: sparse.csr_matrix, obs: pd.DataFrame) -> AnnData:
        """Counts ``(n, G)`` as an AnnData, in ``X`` and the layer; ``obs["library_size"]`` is their sum."""
        counts = sparse.csr_matrix(counts, dtype=np.int32)
        obs = obs.assign(**{LIBRARY_SIZE: np.asarray(counts.sum(axis=1)).ravel()})
        layers = {} if self.layer is None else {self.layer: counts.copy()}
        return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=self.genes), layers=layers)

    @property
    def _entry(self) -> Vectors:
        return Vectors("X", self.layer, self.genes)
