from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anndata as ad
import numpy as np
import pandas as pd

from scgde._checks import check_one_of
from scgde.data.representations._axes import check_axes, has_genes
from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._offsets import MAX_OFFSET, Moments
from scgde.data.representations._pca import LOADINGS, PCALoadings, axes_digest, find_loadings
from scgde.data.stores import blocks
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import METHODS, TransformSpec

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config

PCA = "X_pca"


@REPRESENTATIONS.register("vectors")
@dataclass(frozen=True)
class Vectors(Representation):
    """Cells as vectors of numbers: an ``obsm`` entry, a layer, or ``X``.

    Parameters
    ----------
    use_rep
        Name in ``obsm``, or ``"X"``.
    layer
        Name in ``layers``; then ``use_rep`` is ``"X"``.
    names
        Name of each feature.
    loadings
        Of principal components, where the entry was computed with them.
    axes
        Digest of the loadings in ``varm``, also where they are not those that made the entry from ``X``.
    """

    use_rep: str
    layer: str | None
    names: list[str]
    loadings: PCALoadings | None = None
    axes: str | None = None

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "flow_matching"
    steps_of_few_sets: ClassVar[int] = 2500

    @classmethod
    def from_adata(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        use_rep = choose_entry(adata, use_rep, layer)
        names = adata.var_names.astype(str).tolist() if use_rep == "X" else []
        entry = cls(use_rep, layer, names)
        x = entry._entry(adata)
        if use_rep != "X":
            names = names_of_columns(adata.obsm[use_rep]) or [f"{use_rep}_{i}" for i in range(x.shape[1])]
            axes = axes_digest(adata) if use_rep == PCA else None
            entry = cls(use_rep, layer, names, _loadings(adata, use_rep), axes)
        return entry

    @classmethod
    def unnamed(cls, n_features: int) -> Self:
        """Vectors that are in no AnnData."""
        return cls("X", None, [str(i) for i in range(n_features)])

    @property
    def spec(self) -> CellSpec:  # type: ignore[override]
        return CellSpec.vectors(len(self.names))

    @property
    def label(self) -> str:  # type: ignore[override]
        if self.use_rep != "X":
            return f"`adata.obsm[{self.use_rep!r}]`"
        return "`adata.X`" if self.layer is None else f"`adata.layers[{self.layer!r}]`"

    @property
    def scaling(self) -> str:
        """How it is scaled by default: the axes of a representation share one metric, variables have units each."""
        return "feature" if self.use_rep == "X" else "common"

    def transform(self, scaling: str | None) -> TransformSpec:
        method = check_one_of(scaling or self.scaling, "scaling", METHODS)
        return TransformSpec("affine", self.spec, {"method": method})

    def read(self, adata: AnnData) -> Any:
        if self.use_rep == "X":
            return self._variables(adata, self.names)
        if self.use_rep in adata.obsm:
            return self._coordinates(adata)
        return self._projected(adata)

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        x, n_bad, largest, moments = self.read(adata), 0, 0.0, Moments(self.spec.size)
        is_double = x.dtype.itemsize > 4
        for start, block in blocks(x, dtype=np.float64 if is_double else np.float32):
            inside = block[codes[start : start + len(block)] >= 0]
            is_finite = np.isfinite(inside.astype(np.float32)).all(axis=1)
            n_bad += int((~is_finite).sum())
            largest = max(largest, float(inside.max(initial=0))) if are_counts(inside).all() else np.inf
            if is_double:
                moments.add(inside[is_finite])
        if n_bad:
            msg = (
                f"The features in {self.label} must be finite, got NaN or infinity in {n_bad} cells. "
                "Fill or drop these cells."
            )
            raise ValueError(msg)
        far = moments.far_from_zero()
        if len(far):
            msg = (
                f"The features in {self.label} must lie within {MAX_OFFSET:.0e} standard deviations of zero, "
                f"as networks compute in single precision, but {len(far)} do not: {[self.names[i] for i in far[:5]]}. "
                "Subtract the mean of each feature."
            )
            raise ValueError(msg)
        # Zeros and ones are marks more often than counts.
        if self.use_rep == "X" and 1 < largest < np.inf:
            _warn_of_counts(self.label, self.layer)

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        names = self.names
        if decode and self.loadings is not None:
            cells, names = self.loadings.decode(cells), self.loadings.genes
        return ad.AnnData(X=cells, obs=obs, var=pd.DataFrame(index=names))

    def check_decodable(self) -> None:
        if self.loadings is None:
            msg = (
                "`decode=True` needs a fit on `obsm['X_pca']` with the loadings in `varm['PCs']` that made it from "
                f"`X`, got a fit on {self.use_rep!r} without such loadings."
            )
            raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        config = {"use_rep": self.use_rep, "layer": self.layer, "names": self.names, "axes": self.axes}
        if self.loadings is None:
            return config | {"genes": None}, {}
        arrays = {"components": self.loadings.components, "mean": self.loadings.mean}
        return config | {"genes": self.loadings.genes}, arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        genes = config["genes"]
        loadings = None if genes is None else PCALoadings(genes, arrays["components"], arrays["mean"])
        if loadings is not None:
            loadings.check(len(config["names"]))
        return cls(config["use_rep"], config["layer"], config["names"], loadings, config.get("axes"))

    def _entry(self, adata: AnnData) -> Any:
        if self.use_rep == "X":
            x = adata.X if self.layer is None else adata.layers.get(self.layer)
            self._check_there(x, adata)
        else:
            x = adata.obsm[self.use_rep]
            x = x.to_numpy() if isinstance(x, pd.DataFrame) else x
        self._check_type(x)
        return x

    def _check_there(self, x: Any, adata: AnnData) -> None:
        if x is None:
            layers = [name for name in adata.layers if name is not None]  # None is X, in newer versions of anndata
            msg = f"{self.label} must hold the features, as in the reference, but is not there. Layers: {layers}."
            raise KeyError(msg)

    def _coordinates(self, adata: AnnData) -> Any:
        """The entry in ``obsm``, in the coordinates of the reference."""
        x, found = self._entry(adata), names_of_columns(adata.obsm[self.use_rep])
        if x.shape[1] != len(self.names):
            msg = f"{self.label} must have {len(self.names)} dimensions as in the reference, got {x.shape[1]}."
            raise ValueError(msg)
        if self.use_rep == PCA:
            check_axes(adata, self.loadings, self.axes)
        if found in ([], self.names) or self.names[0] == f"{self.use_rep}_0":
            return x
        if set(found) != set(self.names):
            msg = f"The columns of {self.label} must be those of the reference, {self.names[:5]}, got {found[:5]}."
            raise ValueError(msg)
        return x[:, [found.index(name) for name in self.names]]

    def is_comparable(self, adata: AnnData) -> bool:
        if self.use_rep != PCA or PCA not in adata.obsm:
            return True
        if LOADINGS in adata.varm:
            return self.loadings is not None or self.axes is not None
        return self.loadings is not None and has_genes(adata, self.loadings)

    def _check_type(self, x: Any) -> None:
        if not is_numeric(x):
            msg = f"The features in {self.label} must be numbers, got dtype {x.dtype}."
            raise TypeError(msg)
        if len(x.shape) != 2 or x.shape[1] == 0:
            msg = (
                f"The features in {self.label} must have shape (n_obs, n_features), got {x.shape}. "
                f"Kinds of cells: {list(REPRESENTATIONS)}; choose one that takes such entries with `cells`."
            )
            raise ValueError(msg)
        if self.use_rep != "X" and x.dtype.kind in "iu":
            msg = (
                f"{self.label} must hold vectors of real numbers, got integers of type {x.dtype}, which may be tokens "
                f"or counts. Kinds of cells: {list(REPRESENTATIONS)}; choose one with `cells`, or, if these are "
                "coordinates, convert the entry with `.astype(float)`."
            )
            raise TypeError(msg)

    def _variables(self, adata: AnnData, names: list[str]) -> Any:
        """Features of the named variables, in that order."""
        if adata.var_names.tolist() == names:
            return self._entry(adata)
        missing = [name for name in names if name not in adata.var_names]
        if missing:
            msg = f"`adata` must have all variables of the reference, but {len(missing)} are missing: {missing[:5]}."
            raise KeyError(msg)
        if not adata.var_names.is_unique:
            msg = "`adata.var_names` must be unique to be matched by name. Call `adata.var_names_make_unique()`."
            raise ValueError(msg)
        return self._entry(adata[:, names])

    def _projected(self, adata: AnnData) -> np.ndarray:
        """Missing principal components, with the loadings that the model keeps."""
        if self.loadings is None:
            msg = f"`adata.obsm` must hold {self.use_rep!r}, which the reference uses. Entries: {list(adata.obsm)}."
            raise KeyError(msg)
        expression = Vectors("X", None, self.loadings.genes)
        return np.concatenate([self.loadings.project(block) for _, block in blocks(expression.read(adata))])


def choose_entry(adata: AnnData, use_rep: str | None, layer: str | None) -> str:
    """Name in ``obsm``, or ``"X"``; by default ``X_pca`` where it is there, else ``X``.

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
            names = [name for name in adata.layers if name is not None]  # None is X, in newer versions of anndata
            msg = f"`layer` must name a layer of `adata`, got {layer!r}. Layers: {names}."
            raise KeyError(msg)
        return "X"
    if use_rep is None:
        use_rep = PCA if PCA in adata.obsm else "X"
    if use_rep != "X" and use_rep not in adata.obsm:
        msg = f'`use_rep` must be "X" or name an entry of `adata.obsm`, got {use_rep!r}. Entries: {list(adata.obsm)}.'
        raise KeyError(msg)
    if use_rep == "X" and adata.X is None:
        msg = f"`adata.X` or a `use_rep` is required, but X is None. Entries of `adata.obsm`: {list(adata.obsm)}."
        raise ValueError(msg)
    return use_rep


def are_counts(values: np.ndarray) -> np.ndarray:
    """Whether each number is a whole one of at least 0."""
    return (values >= 0) & (values == np.floor(values)) & np.isfinite(values)


def is_numeric(x: Any) -> bool:
    """Whether an array holds real numbers or booleans."""
    return x.dtype.kind in "biuf"


def _warn_of_counts(label: str, layer: str | None) -> None:
    where = "" if layer is None else f", layer={layer!r}"
    msg = (
        f"{label} holds whole numbers, as counts do, which are scaled and generated as real numbers. For counts in and "
        f'out, fit with `cells="counts"{where}`; for vectors, take their logarithm or principal components first.'
    )
    warnings.warn(msg, UserWarning, stacklevel=6)


def _loadings(adata: AnnData, use_rep: str) -> PCALoadings | None:
    """Loadings between principal components and genes, where there are any."""
    if use_rep != PCA or adata.X is None or not is_numeric(adata.X):
        return None
    return find_loadings(adata.X, np.asarray(adata.obsm[PCA]), adata.varm.get(LOADINGS), adata.var_names.tolist())


def names_of_columns(entry: Any) -> list[str]:
    """Names of the features of an entry of ``obsm``; none of an array."""
    return [str(name) for name in entry.columns] if isinstance(entry, pd.DataFrame) else []
