"""Whether principal components of an AnnData are those of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde.data.representations._pca import LOADINGS, axes_digest, reproduces
from scgde.data.stores import blocks

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde.data.representations._pca import PCALoadings

#: Cells that are projected, to compare.
_N_CHECKED = 200
_PCA = "X_pca"


def check_axes(adata: AnnData, loadings: PCALoadings | None, digest: str | None) -> None:
    """Require that ``obsm["X_pca"]`` has the axes of the reference, by whatever there is to compare.

    Loadings are compared where both have some. Without those of ``adata``, cells are projected with the loadings of the
    reference, if its genes are there.

    Raises
    ------
    ValueError
        If they differ.
    """
    if LOADINGS in adata.varm:
        same = axes_digest(adata) == digest if loadings is None else _are_same(adata, loadings)
        if not same and (loadings is not None or digest is not None):
            msg = (
                "`adata.obsm['X_pca']` must be in the principal components of the reference, but `adata.varm['PCs']` "
                "differs. " + _way_out(loadings)
            )
            raise ValueError(msg)
    elif loadings is not None and has_genes(adata, loadings) and not _are_projections(adata, loadings):
        msg = (
            "`adata.obsm['X_pca']` must be in the principal components of the reference, but its cells are not what "
            "the loadings of the reference make of `adata.X`. " + _way_out(loadings)
        )
        raise ValueError(msg)


def has_genes(adata: AnnData, loadings: PCALoadings) -> bool:
    """Whether the genes of the loadings are there."""
    is_there = adata.X is not None and adata.var_names.is_unique
    return is_there and bool(pd.Index(loadings.genes).isin(adata.var_names).all())


def _are_same(adata: AnnData, loadings: PCALoadings) -> bool:
    index = pd.Index(adata.var_names).get_indexer_for(loadings.genes)
    found = np.asarray(adata.varm[LOADINGS])[index]
    same = found.shape == loadings.components.shape and bool((index >= 0).all())
    return same and np.allclose(found, loadings.components, atol=1e-4)


def _are_projections(adata: AnnData, loadings: PCALoadings) -> bool:
    rows = np.linspace(0, adata.n_obs - 1, min(_N_CHECKED, adata.n_obs)).astype(int)
    some = adata[np.unique(rows), loadings.genes]
    expression = np.concatenate([block for _, block in blocks(some.X)])
    return reproduces(loadings.project(expression), np.asarray(some.obsm[_PCA]))


def _way_out(loadings: PCALoadings | None) -> str:
    if loadings is None:
        return "Compute it with the loadings of the reference."
    return "Delete `X_pca`, and the cells are projected with the loadings of the reference."
