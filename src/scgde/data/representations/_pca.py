from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from scgde.data.stores import blocks

if TYPE_CHECKING:
    from typing import Any

    from anndata import AnnData

#: Entry of ``varm``.
LOADINGS = "PCs"
# Largest relative error at which stored loadings still explain stored scores.
_TOLERANCE = 1e-2
_N_CHECKED = 200


class PCALoadings(NamedTuple):
    """Loadings between genes and principal components, in both directions.

    Parameters
    ----------
    genes
        Names of the genes with a loading.
    components
        Loadings, shape ``(n_genes, G)``.
    mean
        Centring, shape ``(n_genes,)``.
    """

    genes: list[str]
    components: np.ndarray
    mean: np.ndarray

    def check(self, n_components: int) -> None:
        """Require loadings of each gene on so many components.

        Raises
        ------
        ValueError
            If they have another shape.
        """
        shapes = (self.components.shape, self.mean.shape)
        needed = ((len(self.genes), n_components), (len(self.genes),))
        if shapes != needed:
            msg = f"Loadings and means of genes must have the shapes {needed}, got {shapes}."
            raise ValueError(msg)

    def decode(self, x: np.ndarray) -> np.ndarray:
        """Expression ``x @ components.T + mean`` of cells ``(..., G)``, ``(..., n_genes)``, in the units of the PCA."""
        return x @ self.components.T + self.mean

    def project(self, x: Any) -> np.ndarray:
        """Principal components ``(n, G)`` of expression ``(n, n_genes)``, in the order of ``genes``."""
        return np.asarray(x @ self.components - self.mean @ self.components, dtype=np.float32)


def find_loadings(x: Any, scores: np.ndarray, loadings: np.ndarray | None, genes: list[str]) -> PCALoadings | None:
    """Loadings with their centring, if they do turn this expression into these scores; else None.

    Parameters
    ----------
    x
        Expression, dense or sparse, shape ``(n, n_vars)``.
    scores
        Principal components, shape ``(n, G)``.
    loadings
        ``varm["PCs"]``, shape ``(n_vars, G)``.
    genes
        Names, ``n_vars`` of them.
    """
    if loadings is None or np.ndim(loadings) != 2 or loadings.shape[1] != scores.shape[1]:
        return None
    used = np.flatnonzero(np.abs(loadings).sum(axis=1) > 0)
    components = np.asarray(loadings[used], dtype=np.float32)
    # Right for a subset of the cells, too, whose mean is not the one that PCA removed.
    mean = _mean(x)[used] - components @ scores.mean(axis=0)
    rows = np.linspace(0, len(scores) - 1, min(_N_CHECKED, len(scores))).astype(int)
    some = x[rows][:, used]
    some = some.toarray() if sparse.issparse(some) else np.asarray(some)
    if not reproduces((some - mean) @ components, scores[rows]):
        return None
    return PCALoadings([str(genes[i]) for i in used], components, mean.astype(np.float32))


def axes_digest(adata: AnnData) -> str | None:
    """Digest of ``varm["PCs"]`` with the genes that have a loading, in any order; None where there are none."""
    loadings = adata.varm.get(LOADINGS)
    if loadings is None:
        return None
    values = np.asarray(loadings, dtype=np.float32)
    used = np.flatnonzero(np.abs(values).sum(axis=1) > 0)
    order = used[np.argsort(adata.var_names[used].astype(str), kind="stable")]
    content = hashlib.sha256("\n".join(adata.var_names[order].astype(str)).encode())
    content.update(np.ascontiguousarray(values[order]).tobytes())
    return content.hexdigest()


def reproduces(projected: np.ndarray, scores: np.ndarray) -> bool:
    """Whether projections are the scores ``(n, G)``, up to rounding."""
    error = np.linalg.norm(projected - scores)
    return bool(error < _TOLERANCE * max(float(np.linalg.norm(scores)), 1e-12))


def _mean(x: Any) -> np.ndarray:
    """Mean of each gene, shape ``(n_vars,)``, also of a file on disk."""
    if hasattr(x, "mean"):
        return np.asarray(x.mean(axis=0)).ravel()
    return sum(block.sum(axis=0, dtype=np.float64) for _, block in blocks(x)) / x.shape[0]
