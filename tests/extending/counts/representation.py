"""Counts of genes in a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy import sparse

from scgde.data import blocks
from scgde.data.representations import REPRESENTATIONS, Representation
from scgde.nn import CellSpec
from scgde.nn.transforms import TransformSpec

if TYPE_CHECKING:
    from scgde._types import Config


@REPRESENTATIONS.register("my_counts")
@dataclass(frozen=True)
class Counts(Representation):
    """Whole numbers in a layer, one per gene.

    Parameters
    ----------
    layer
        Name in ``layers``.
    names
        Of the genes.
    """

    layer: str
    names: list[str]

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "my_negative_binomial"

    @classmethod
    def from_adata(cls, adata: ad.AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if use_rep is not None or layer not in adata.layers:
            msg = (
                f"`layer` must name a layer, and `use_rep` be None, got {layer!r} and {use_rep!r}. "
                f"Layers: {list(adata.layers)}."
            )
            raise KeyError(msg)
        return cls(layer, adata.var_names.tolist())

    @property
    def spec(self) -> CellSpec:
        return CellSpec("counts", (len(self.names),), torch.float32)

    @property
    def label(self) -> str:
        return f"`adata.layers[{self.layer!r}]`"

    def read(self, adata: ad.AnnData) -> Any:
        missing = [name for name in self.names if name not in adata.var_names]
        if missing:
            msg = f"`adata` must have all genes of the reference, but {len(missing)} are missing: {missing[:5]}."
            raise KeyError(msg)
        return adata[:, self.names].layers[self.layer]

    def check(self, adata: ad.AnnData, codes: np.ndarray) -> None:
        n_bad = 0
        for start, block in blocks(self.read(adata)):
            inside = block[codes[start : start + len(block)] >= 0]
            n_bad += int(((inside < 0) | (inside != np.round(inside))).any(axis=1).sum())
        if n_bad:
            msg = f"{self.label} must hold whole numbers of at least 0, but {n_bad} cells have others."
            raise ValueError(msg)

    def transform(self, scaling: str | None) -> TransformSpec:
        return TransformSpec("my_log_normalize", self.spec, {})

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> ad.AnnData:
        counts = sparse.csr_matrix(cells.astype(np.int32))
        return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=self.names), layers={self.layer: counts})

    def check_decodable(self) -> None:
        """Counts are of genes already."""

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        return {"use_rep": "X", "layer": self.layer, "names": self.names}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(config["layer"], config["names"])
