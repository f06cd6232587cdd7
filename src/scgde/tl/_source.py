"""Which features of an AnnData are used, and a shell that scvi-tools may write on in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from scgde.data import blocks

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde.model import GDE, TDE
    from scgde.model._decoder import PCADecoder

PCA = "X_pca"


class Source(NamedTuple):
    """The features: an ``obsm`` entry, a layer, or ``X``.

    Parameters
    ----------
    use_rep
        Name in ``obsm``, or ``"X"``.
    layer
        Name in ``layers``; then ``use_rep`` is ``"X"``.
    """

    use_rep: str
    layer: str | None = None

    @classmethod
    def of(cls, model: GDE | TDE) -> Source:
        """What a model that ``scgde.tl`` fitted was fitted on."""
        return cls(model.source["use_rep"], model.source["layer"])

    @property
    def is_expression(self) -> bool:
        """Whether a feature is a variable of the AnnData."""
        return self.use_rep == "X"

    @property
    def scaling(self) -> str:
        """How it is scaled by default: the axes of a representation share one metric, variables have units each."""
        return "feature" if self.is_expression else "common"

    @property
    def label(self) -> str:
        """How messages name it."""
        if not self.is_expression:
            return f"`adata.obsm[{self.use_rep!r}]`"
        return "`adata.X`" if self.layer is None else f"`adata.layers[{self.layer!r}]`"

    def matrix(self, adata: AnnData) -> Any:
        """The features of all cells, dense, sparse or backed."""
        if not self.is_expression:
            x = adata.obsm[self.use_rep]
            return x.to_numpy() if isinstance(x, pd.DataFrame) else x
        return adata.X if self.layer is None else adata.layers[self.layer]

    def names(self, adata: AnnData) -> list[str]:
        """Name of each feature."""
        if self.is_expression:
            return adata.var_names.astype(str).tolist()
        return [f"{self.use_rep}_{i}" for i in range(adata.obsm[self.use_rep].shape[1])]


def choose_source(adata: AnnData, use_rep: str | None, layer: str | None) -> Source:
    """Source of the features; ``X_pca`` by default where it is there, else ``X``.

    Raises
    ------
    KeyError
        If there is no such entry.
    ValueError
        If both ``use_rep`` and ``layer`` are given, or there is no ``X``.
    """
    if layer is not None:
        if use_rep not in (None, "X"):
            msg = f"`use_rep` and `layer` exclude each other, got {use_rep!r} and {layer!r}. Pass one."
            raise ValueError(msg)
        if layer not in adata.layers:
            msg = f"`layer` must name a layer of `adata`, got {layer!r}. Layers: {list(adata.layers)}."
            raise KeyError(msg)
        return Source("X", layer)
    if use_rep is None:
        use_rep = PCA if PCA in adata.obsm else "X"
    if use_rep != "X" and use_rep not in adata.obsm:
        msg = f'`use_rep` must be "X" or name an entry of `adata.obsm`, got {use_rep!r}. Entries: {list(adata.obsm)}.'
        raise KeyError(msg)
    if use_rep == "X" and adata.X is None:
        msg = f"`adata.X` or a `use_rep` is required, but X is None. Entries of `adata.obsm`: {list(adata.obsm)}."
        raise ValueError(msg)
    return Source(use_rep)


def check_not_backed_view(adata: AnnData) -> None:
    """Require that results can be written: AnnData cannot turn a view of a file into an object of its own."""
    if adata.isbacked and adata.is_view:
        msg = "`adata` must not be a view of a backed file, which nothing can be written to. Call `.to_memory()` first."
        raise ValueError(msg)


def is_numeric(x: Any) -> bool:
    """Whether a matrix holds real numbers or booleans."""
    return x.dtype.kind in "biuf"


def check_features(x: Any, codes: np.ndarray, what: str) -> None:
    """Require numbers, all finite in the cells that are in a set.

    Raises
    ------
    TypeError
        If the features are not numbers.
    ValueError
        If there is not one row of features for each cell, or a feature is NaN or infinite.
    """
    if not is_numeric(x):
        msg = f"The features in {what} must be numbers, got dtype {x.dtype}."
        raise TypeError(msg)
    if len(x.shape) != 2 or x.shape[1] == 0:
        msg = f"The features in {what} must have shape (n_obs, n_features), got {x.shape}."
        raise ValueError(msg)
    n_bad = 0
    for start, block in blocks(x):
        inside = codes[start : start + len(block)] >= 0
        n_bad += int((~np.isfinite(block[inside]).all(axis=1)).sum())
    if n_bad:
        msg = f"The features in {what} must be finite, got NaN or infinity in {n_bad} cells. Fill or drop these cells."
        raise ValueError(msg)


def matching_features(adata: AnnData, model: GDE | TDE) -> Any:
    """Features of new cells as the model knows them, shape ``(n, G)``.

    Variables are matched by name. Missing principal components are projected with the loadings that the model keeps.

    Raises
    ------
    KeyError
        If variables or the representation are missing.
    ValueError
        If the representation has another number of dimensions, or was computed with other loadings.
    """
    source = Source.of(model)
    if source.is_expression:
        return _variables(adata, model.source["names"], source)
    if source.use_rep not in adata.obsm:
        if model.decoder is None:
            msg = f"`adata.obsm` must hold {source.use_rep!r}, which the reference uses. Entries: {list(adata.obsm)}."
            raise KeyError(msg)
        expression = _variables(adata, model.decoder.genes, Source("X"))
        return np.concatenate([model.decoder.project(block) for _, block in blocks(expression)])
    x = source.matrix(adata)
    n_features = len(model.source["names"])
    if x.shape[1] != n_features:
        msg = f"{source.label} must have {n_features} dimensions as in the reference, got {x.shape[1]}."
        raise ValueError(msg)
    if source.use_rep == PCA and model.decoder is not None and "PCs" in adata.varm:
        _check_same_loadings(adata, model.decoder)
    return x


def _variables(adata: AnnData, names: list[str], source: Source) -> Any:
    """Features of the named variables, in that order."""
    if adata.var_names.tolist() == names:
        return source.matrix(adata)
    missing = [name for name in names if name not in adata.var_names]
    if missing:
        msg = f"`adata` must have all variables of the reference, but {len(missing)} are missing: {missing[:5]}."
        raise KeyError(msg)
    if not adata.var_names.is_unique:
        msg = "`adata.var_names` must be unique to be matched by name. Call `adata.var_names_make_unique()`."
        raise ValueError(msg)
    return source.matrix(adata[:, names])


def dense_rows(x: Any, rows: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    """Some rows of a matrix, dense, sparse or backed, shape ``(n, G)``; a row may come several times."""
    kept, place = np.unique(rows, return_inverse=True)  # Files are read in order.
    some = x[kept]
    return np.asarray(some.toarray() if sparse.issparse(some) else some, dtype=dtype)[place]


def _check_same_loadings(adata: AnnData, decoder: PCADecoder) -> None:
    place = pd.Index(adata.var_names).get_indexer_for(decoder.genes)
    loadings = np.asarray(adata.varm["PCs"])[place]
    same = loadings.shape == decoder.components.shape and (place >= 0).all()
    if not same or not np.allclose(loadings, decoder.components, atol=1e-4):
        msg = (
            "`adata.obsm['X_pca']` must be in the principal components of the reference, but `adata.varm['PCs']` "
            "differs. Delete `X_pca`, and the cells are projected with the loadings of the reference."
        )
        raise ValueError(msg)


def shell(adata: AnnData, source: Source, sets: pd.Series) -> AnnData:
    """AnnData that shares the features and holds the column ``"set"``: nothing is written on the user's own."""
    return shell_of(source.matrix(adata), sets)


def shell_of(x: Any, sets: pd.Series) -> AnnData:
    """AnnData of features, dense or sparse, and the column ``"set"``."""
    obs = pd.DataFrame({"set": sets.array}, index=pd.RangeIndex(len(sets)).astype(str))
    # scvi-tools warns of any other sparse format.
    return ad.AnnData(X=sparse.csr_matrix(x) if sparse.issparse(x) else x, obs=obs)
