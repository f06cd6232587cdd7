from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import anndata as ad
import pandas as pd

from scgde._checks import check_one_of
from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._count_layer import CountLayer
from scgde.data.representations._count_projection import CountProjection
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import METHODS, TransformSpec

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from scgde._types import Config

#: Components, where there are so many cells and genes.
N_COMPONENTS = 50


@REPRESENTATIONS.register("components")
@dataclass(frozen=True, eq=False)
class Components(Representation):
    """Principal components of log-normalised counts, fitted on the training sets inside of the fit.

    Parameters
    ----------
    counts
        Where the counts are.
    projection
        From counts to components; None before the fit.
    """

    counts: CountLayer
    projection: CountProjection | None = None

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "flow_matching"

    @classmethod
    def from_adata(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if use_rep not in (None, "X"):
            msg = f"`use_rep` must be None for components, which come from counts, got {use_rep!r}. Use `layer`."
            raise ValueError(msg)
        return cls(CountLayer.from_adata(adata, layer))

    def fit(self, adata: AnnData, rows: np.ndarray, *, read: Representation | None = None) -> Self:
        if self.projection is not None:
            return self
        x = self.counts.read(adata)
        return replace(self, projection=CountProjection.fit(x, rows, self.counts.genes, n_components=N_COMPONENTS))

    @property
    def spec(self) -> CellSpec:  # type: ignore[override]
        return CellSpec.vectors(len(self.names))

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"The components of {self.counts.label}"

    @property
    def names(self) -> list[str]:  # type: ignore[override]
        return [f"PC{i + 1}" for i in range(self._fitted.loadings.components.shape[1])]

    def transform(self, scaling: str | None) -> TransformSpec:
        return TransformSpec("affine", self.spec, {"method": check_one_of(scaling or "common", "scaling", METHODS)})

    def read(self, adata: AnnData) -> np.ndarray:
        return self._fitted.project(self.counts.read(adata))

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        self.counts.check(adata, codes)

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        names = self.names
        if decode:
            cells, names = self._fitted.loadings.decode(cells), self.counts.genes
        return ad.AnnData(X=cells, obs=obs, var=pd.DataFrame(index=names))

    def check_decodable(self) -> None:
        """Components always go back to log-normalised values."""

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        config, arrays = self._fitted.to_stored()
        return {"use_rep": "X", "layer": self.counts.layer, "genes": self.counts.genes, **config}, arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        counts = CountLayer(config["layer"], config["genes"])
        return cls(counts, CountProjection.from_stored(config, arrays, counts.genes))

    @property
    def _fitted(self) -> CountProjection:
        if self.projection is None:
            msg = "Components must be fitted before they are read, these are not. Call `fit`."
            raise RuntimeError(msg)
        return self.projection
