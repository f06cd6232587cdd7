from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from scipy import sparse

from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._components import Components
from scgde.data.representations._vectors import Vectors
from scgde.data.stores import open_store
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import TransformSpec

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.stores import CellStore


@REPRESENTATIONS.register("counts")
@dataclass(frozen=True, eq=False)
class Counts(Representation):
    """Counts of genes in a layer, or in ``X``: sparse on the way in and on the way out.

    They are what is generated. What an encoder reads are their principal components, or an entry of ``obsm``.

    Parameters
    ----------
    components
        Of the counts: coordinates in which cells are compared, and generated before they are decoded.
    are_read
        Whether encoders read these components.
    """

    components: Components
    are_read: bool = False

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "flow_matching"
    is_decoded: ClassVar[bool] = True
    steps_of_few_sets: ClassVar[int] = 1500

    @classmethod
    def from_adata(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        return cls(Components.from_adata(adata, use_rep=use_rep, layer=layer))

    @classmethod
    def views(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> tuple[Representation, Representation]:
        components = Components.from_adata(adata, use_rep=None, layer=layer)
        if use_rep is None:
            return components, cls(components, are_read=True)
        return Vectors.from_adata(adata, use_rep=use_rep, layer=None), cls(components)

    def for_transport(self) -> Components:
        return replace(self.components, moves_counts=True)

    def fit(self, adata: AnnData, rows: np.ndarray, *, read: Representation | None = None) -> Self:
        known = read if self.are_read and isinstance(read, Components) else self.components.fit(adata, rows)
        return replace(self, components=known)

    @property
    def spec(self) -> CellSpec:  # type: ignore[override]
        return CellSpec("counts", (len(self.components.counts.genes),), torch.float32)

    @property
    def label(self) -> str:  # type: ignore[override]
        return self.components.counts.label

    @property
    def names(self) -> list[str]:  # type: ignore[override]
        return self.components.names

    def transform(self, scaling: str | None) -> TransformSpec:
        config, arrays = self.components.to_stored()
        size = np.array(config["median"], dtype=np.float32)
        options = {"n_components": len(self.names), "ground_is_read": self.are_read}
        return TransformSpec("log_normalize", self.spec, options, {"size": size, **arrays})

    def read(self, adata: AnnData) -> Any:
        return self.components.counts.read(adata)

    def open(self, adata: AnnData, *, all_rows: bool = True) -> CellStore:
        return open_store(self.read(adata), dtype=self.spec.numpy_dtype, all_rows=False)

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        self.components.check(adata, codes)

    def pack(self, cells: np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix(cells.astype(np.int32))

    def to_adata(self, cells: Any, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        return self.components.counts.to_adata(cells, obs)

    def check_decodable(self) -> None:
        """Counts are of genes already."""

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        config, arrays = self.components.to_stored()
        return {**config, "are_read": self.are_read}, arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(Components.from_stored(config, arrays), are_read=config["are_read"])
