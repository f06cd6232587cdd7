"""Principal components of log-normalised counts, of sparse matrices that are never made dense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, svds

from scgde.data.representations._pca import PCALoadings
from scgde.data.stores import by_row, map_file, sparse_blocks

if TYPE_CHECKING:
    from scgde._types import Config

#: Cells that settle the leading components.
_MAX_CELLS = 20_000


class CountProjection(NamedTuple):
    """From counts to principal components of ``log1p(counts / library * median)``, and back to log-normalised values.

    Parameters
    ----------
    loadings
        Between genes and components.
    median
        Median library size of the cells that it was fitted on.
    """

    loadings: PCALoadings
    median: float

    @classmethod
    def fit(cls, x: Any, rows: np.ndarray, genes: list[str], *, n_components: int, seed: int = 0) -> Self:
        """Components of some cells, or of 20,000 random ones of these.

        Parameters
        ----------
        x
            Counts, sparse, dense or backed, shape ``(n_obs, G)``.
        rows
            Cells to fit on, sorted.
        genes
            Names, G of them.
        n_components
            Fewer where there are fewer cells or genes.
        seed
            Random seed.
        """
        rng = np.random.default_rng(seed)
        if len(rows) > _MAX_CELLS:
            rows = np.sort(rng.choice(rows, _MAX_CELLS, replace=False))
        counts = sparse.csr_matrix(by_row(map_file(x))[rows], dtype=np.float32)
        median = float(np.median(_library(counts)))
        values = log_normalized(counts, median)
        mean = np.asarray(values.mean(axis=0), dtype=np.float32).ravel()
        axes = _leading_axes(values, mean, min(n_components, min(values.shape) - 1), rng)
        return cls(PCALoadings(genes, axes, mean), median)

    def project(self, x: Any) -> np.ndarray:
        """Components of counts ``(n, G)``, sparse, dense or backed, float32 of shape ``(n, D)``."""
        return np.concatenate(
            [self.loadings.project(log_normalized(block, self.median)) for _, block in sparse_blocks(x)]
        )

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """As plain values and arrays."""
        arrays = {"components": self.loadings.components, "mean": self.loadings.mean}
        return {"median": self.median}, arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray], genes: list[str]) -> Self:
        """Inverse of :meth:`to_stored`."""
        return cls(PCALoadings(genes, arrays["components"], arrays["mean"]), config["median"])


def log_normalized(counts: sparse.csr_matrix, size: float) -> sparse.csr_matrix:
    """``log1p(counts / library * size)`` of counts ``(n, G)``, sparse as they are."""
    scale = np.repeat(size / _library(counts), np.diff(counts.indptr)).astype(np.float32)
    return sparse.csr_matrix((np.log1p(counts.data * scale), counts.indices, counts.indptr), shape=counts.shape)


def _library(counts: sparse.csr_matrix) -> np.ndarray:
    """Counts of each cell in all, at least 1, shape ``(n,)``."""
    return np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1)


def _leading_axes(x: sparse.csr_matrix, mean: np.ndarray, n_axes: int, rng: np.random.Generator) -> np.ndarray:
    """Principal axes of a sparse matrix ``(n, G)``, centred without being formed, as columns ``(G, n_axes)``."""
    centred = LinearOperator(
        x.shape,
        dtype=np.float32,
        matvec=lambda v: x @ v - mean @ v,
        rmatvec=lambda u: x.T @ u - mean * u.sum(),
    )
    start = rng.standard_normal(min(x.shape)).astype(np.float32)
    axes = svds(centred, k=n_axes, v0=start, return_singular_vectors="vh")[2][::-1].T
    # The sign of a singular vector depends on the machine.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return np.ascontiguousarray(axes * np.sign(largest), dtype=np.float32)
