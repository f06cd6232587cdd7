"""A kind of cells of one's own: compositions, such as the share of each topic or clone in a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import anndata as ad
import numpy as np
import pandas as pd

from scgde.data.representations import REPRESENTATIONS, Representation
from scgde.nn import CellSpec
from scgde.nn.transforms import TransformSpec

if TYPE_CHECKING:
    from scgde._types import Config

#: Shares are at least this, and their logarithms finite.
_SMALLEST = 1e-4


@REPRESENTATIONS.register("compositions")
@dataclass(frozen=True)
class Compositions(Representation):
    """Positive shares that sum to 1, modelled by their centred logarithms.

    Parameters
    ----------
    use_rep
        Name in ``obsm``.
    names
        Of the parts.
    """

    use_rep: str
    names: list[str]

    default_featurizer: ClassVar[str] = "identity"
    default_generator: ClassVar[str] = "flow_matching"

    @classmethod
    def from_adata(cls, adata: ad.AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if use_rep not in adata.obsm or layer is not None:
            msg = (
                f"`use_rep` must name an entry of `adata.obsm`, and `layer` be None, got {use_rep!r} and {layer!r}. "
                f"Entries: {list(adata.obsm)}."
            )
            raise KeyError(msg)
        return cls(use_rep, [f"{use_rep}_{i}" for i in range(adata.obsm[use_rep].shape[1])])

    @property
    def spec(self) -> CellSpec:
        return CellSpec.vectors(len(self.names))

    @property
    def label(self) -> str:
        return f"`adata.obsm[{self.use_rep!r}]`"

    def read(self, adata: ad.AnnData) -> np.ndarray:
        shares = adata.obsm[self.use_rep]
        if shares.shape[1] != len(self.names):
            msg = f"{self.label} must have {len(self.names)} parts as in the reference, got {shares.shape[1]}."
            raise ValueError(msg)
        logarithms = np.log(np.maximum(shares, _SMALLEST))
        return logarithms - logarithms.mean(axis=1, keepdims=True)

    def check(self, adata: ad.AnnData, codes: np.ndarray) -> None:
        shares = np.asarray(adata.obsm[self.use_rep])[codes >= 0]
        n_bad = int((~((shares >= 0).all(axis=1) & np.isclose(shares.sum(axis=1), 1, atol=1e-3))).sum())
        if n_bad:
            msg = f"{self.label} must hold shares that sum to 1, but {n_bad} cells do not. Divide each by its sum."
            raise ValueError(msg)

    def transform(self, scaling: str | None) -> TransformSpec:
        return TransformSpec("affine", self.spec, {"method": scaling or "common"})

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> ad.AnnData:
        shares = np.exp(cells - cells.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return ad.AnnData(shares, obs=obs, var=pd.DataFrame(index=self.names), obsm={self.use_rep: shares})

    def check_decodable(self) -> None:
        msg = "`decode=True` needs principal components, got compositions. Leave it out."
        raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        return {"use_rep": self.use_rep, "names": self.names}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(config["use_rep"], config["names"])
