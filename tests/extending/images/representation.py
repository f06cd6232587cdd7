"""Images of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import anndata as ad
import numpy as np
import torch

from scgde.data.representations import REPRESENTATIONS, Representation
from scgde.nn import CellSpec
from scgde.nn.transforms import TransformSpec

if TYPE_CHECKING:
    import pandas as pd

    from scgde._types import Config


@REPRESENTATIONS.register("my_images")
@dataclass(frozen=True)
class Images(Representation):
    """An ``obsm`` entry of shape ``(n_obs, C, Y, X)``.

    Parameters
    ----------
    use_rep
        Name in ``obsm``.
    shape
        Of an image, ``(C, Y, X)``.
    """

    use_rep: str
    shape: tuple[int, ...]

    default_featurizer: ClassVar[str] = "my_image_convolution"
    default_generator: ClassVar[str] = "flow_matching"
    default_backbone: ClassVar[str] = "my_convolution"

    @classmethod
    def from_adata(cls, adata: ad.AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if use_rep not in adata.obsm:
            msg = f"`use_rep` must name an entry of `adata.obsm`, got {use_rep!r}. Entries: {list(adata.obsm)}."
            raise KeyError(msg)
        return cls(use_rep, adata.obsm[use_rep].shape[1:])

    @property
    def spec(self) -> CellSpec:
        return CellSpec("images", self.shape, torch.float32)

    @property
    def label(self) -> str:
        return f"`adata.obsm[{self.use_rep!r}]`"

    @property
    def names(self) -> list[str]:
        return [f"{self.use_rep}_{i}" for i in range(self.spec.size)]

    def read(self, adata: ad.AnnData) -> np.ndarray:
        images = adata.obsm[self.use_rep]
        if images.shape[1:] != self.shape:
            msg = f"{self.label} must hold images of shape {self.shape} as in the reference, got {images.shape[1:]}."
            raise ValueError(msg)
        return images

    def check(self, adata: ad.AnnData, codes: np.ndarray) -> None:
        images = self.read(adata)[codes >= 0]
        if images.ndim != 4 or not np.isfinite(images).all():
            msg = f"{self.label} must hold finite numbers, shape (n_obs, C, Y, X), got shape {images.shape}."
            raise ValueError(msg)

    def transform(self, scaling: str | None) -> TransformSpec:
        return TransformSpec("affine", self.spec, {"method": scaling or "common"})

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> ad.AnnData:
        return ad.AnnData(obs=obs, obsm={self.use_rep: cells})

    def check_decodable(self) -> None:
        msg = "`decode=True` needs principal components, got images. Leave it out."
        raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        return {"use_rep": self.use_rep, "shape": list(self.shape)}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(config["use_rep"], tuple(config["shape"]))
