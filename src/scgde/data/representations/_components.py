from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from scgde._checks import check_one_of
from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._count_layer import CountLayer
from scgde.data.representations._count_projection import CountProjection
from scgde.data.representations._count_rates import CountRates
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import METHODS, TransformSpec

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config

#: Components, where there are so many cells and genes.
N_COMPONENTS = 50
#: Moved at once.
_CELLS_PER_PART = 2_000


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
    moves_counts
        Whether cells that are moved come back as counts, see ``moved_counts``.
    """

    counts: CountLayer
    projection: CountProjection | None = None
    moves_counts: bool = False

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "flow_matching"
    steps_of_few_sets: ClassVar[int] = 2500

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
        return self.project(self.counts.read(adata))

    def project(self, counts: Any) -> np.ndarray:
        """Components of counts ``(n, G)``, sparse, dense or backed, shape ``(n, D)``."""
        return self._fitted.project(counts)

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        self.counts.check(adata, codes)

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        names = self.names
        if decode:
            cells, names = self._fitted.loadings.decode(cells), self.counts.genes
        return ad.AnnData(X=cells, obs=obs, var=pd.DataFrame(index=names))

    def moved_counts(
        self, counts: sparse.csr_matrix, displacement: np.ndarray, rng: np.random.Generator
    ) -> sparse.csr_matrix:
        """Counts ``(n, G)`` of the cells of a set, at the rates to which its components are displaced by ``(n, D)``.

        The loadings give the change of log-normalised values, and these the fold change of the rate of each gene in
        each cell. See ``CountRates.at_fold_changes``.
        """
        rates, loadings = CountRates.of(counts, self._fitted.median), self._fitted.loadings.components
        parts = []
        for start in range(0, len(displacement), _CELLS_PER_PART):
            part = slice(start, start + _CELLS_PER_PART)
            fold = rates.fold_changes(displacement[part] @ loadings.T)
            observed = counts[part].toarray().astype(np.int64)
            parts.append(sparse.csr_matrix(rates.at_fold_changes(observed, fold, rng).astype(np.int32)))
        return sparse.vstack(parts, format="csr")

    def check_decodable(self) -> None:
        """Components always go back to log-normalised values."""

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        config, arrays = self._fitted.to_stored()
        facts = {"use_rep": "X", "layer": self.counts.layer, "genes": self.counts.genes}
        return {**facts, "moves_counts": self.moves_counts, **config}, arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        counts = CountLayer(config["layer"], config["genes"])
        projection = CountProjection.from_stored(config, arrays, counts.genes)
        return cls(counts, projection, moves_counts=config.get("moves_counts", False))

    @property
    def _fitted(self) -> CountProjection:
        if self.projection is None:
            msg = "Components must be fitted before they are read, these are not. Call `fit`."
            raise RuntimeError(msg)
        return self.projection
