from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anndata as ad
import numpy as np
import torch

from scgde._checks import check_one_of
from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._vectors import is_numeric
from scgde.data.stores import blocks
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import METHODS, TransformSpec, ground_shape

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config

#: Types that networks take as they are; images of others are read as float32.
_KEPT = {"uint8": torch.uint8, "float16": torch.float16}


@REPRESENTATIONS.register("images")
@dataclass(frozen=True)
class Images(Representation):
    """Images of cells: an ``obsm`` entry of shape ``(n_obs, C, Y, X)``, in memory or on disk (h5py, zarr).

    Parameters
    ----------
    use_rep
        Name in ``obsm``.
    shape
        Of an image: channels, height and width.
    dtype
        Type of its values in AnnData, to which generated images are rounded.
    """

    use_rep: str
    shape: tuple[int, int, int]
    dtype: str

    default_featurizer: ClassVar[str] = "conv2d"
    default_generator: ClassVar[str] = "flow_matching"
    default_backbone: ClassVar[str] = "unet"
    #: A network that cannot draw images yet teaches the encoder little.
    default_isometry: ClassVar[float] = 0.1
    #: Digits differ in few of the directions in which pixels vary.
    default_isometry_ground: ClassVar[str] = "gaussian"
    #: A network of convolutions takes long for each cell.
    default_training: ClassVar[Config] = {"target_size": 8}

    @classmethod
    def is_declared(cls, adata: AnnData, use_rep: str | None) -> bool:
        return use_rep in adata.obsm and _is_images(adata.obsm[use_rep])

    @classmethod
    def from_adata(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if layer is not None:
            msg = f"Images are entries of `adata.obsm`, got `layer={layer!r}`. Pass `use_rep`."
            raise ValueError(msg)
        use_rep = _only_entry(adata) if use_rep is None else use_rep
        if use_rep not in adata.obsm:
            msg = f"`use_rep` must name an entry of `adata.obsm` with images, got {use_rep!r}. {_entries(adata)}"
            raise KeyError(msg)
        x = adata.obsm[use_rep]
        if not _is_images(x):
            msg = f"Images must have shape (n_obs, C, Y, X), got {x.shape} in {use_rep!r}. {_entries(adata)}"
            raise ValueError(msg)
        images = cls(use_rep, tuple(x.shape[1:]), str(x.dtype))
        images._check_type(x)
        return images

    @property
    def spec(self) -> CellSpec:  # type: ignore[override]
        return CellSpec("images", self.shape, _KEPT.get(self.dtype, torch.float32))

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"`adata.obsm[{self.use_rep!r}]`"

    @property
    def names(self) -> list[str]:  # type: ignore[override]
        return [f"{self.use_rep}_{c}_{y}_{x}" for c, y, x in np.ndindex(ground_shape(self.shape))]

    def read(self, adata: AnnData) -> Any:
        if self.use_rep not in adata.obsm:
            msg = f"`adata.obsm` must hold {self.use_rep!r}, which the reference uses. Entries: {list(adata.obsm)}."
            raise KeyError(msg)
        x = adata.obsm[self.use_rep]
        if x.shape[1:] != self.shape:
            msg = f"{self.label} must hold images of shape {self.shape} as in the reference, got {x.shape[1:]}."
            raise ValueError(msg)
        both_float = x.dtype.kind == np.dtype(self.dtype).kind == "f"
        if not both_float and x.dtype != self.dtype:
            msg = f"{self.label} must be of type {self.dtype} as in the reference, got {x.dtype}. Convert the images."
            raise TypeError(msg)
        return x

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        x = self.read(adata)
        self._check_type(x)
        if x.dtype.kind != "f":
            return
        n_bad = 0
        for start, block in blocks(x):
            inside = codes[start : start + len(block)] >= 0
            n_bad += int((~np.isfinite(block[inside]).all(axis=(1, 2, 3))).sum())
        if n_bad:
            msg = f"The images in {self.label} must be finite, got NaN or infinity in {n_bad} cells. Drop these cells."
            raise ValueError(msg)

    def transform(self, scaling: str | None) -> TransformSpec:
        method = check_one_of(scaling or "feature", "scaling", METHODS)
        return TransformSpec("channels", self.spec, {"method": method})

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        return ad.AnnData(obs=obs, obsm={self.use_rep: _as_type(cells, np.dtype(self.dtype))})

    def check_decodable(self) -> None:
        msg = "`decode=True` needs a fit on principal components, got images, which are generated as they are."
        raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        return {"use_rep": self.use_rep, "shape": list(self.shape), "dtype": self.dtype}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(config["use_rep"], tuple(config["shape"]), config["dtype"])

    def _check_type(self, x: Any) -> None:
        if not is_numeric(x) or 0 in x.shape[1:]:
            msg = f"The images in {self.label} must be numbers, got type {x.dtype}, shape {x.shape}."
            raise TypeError(msg)


def _is_images(x: Any) -> bool:
    return len(getattr(x, "shape", ())) == 4


def _entries(adata: AnnData) -> str:
    return f"Entries of that shape: {[name for name in adata.obsm if _is_images(adata.obsm[name])]}."


def _only_entry(adata: AnnData) -> str:
    """The one entry that holds images."""
    names = [name for name in adata.obsm if _is_images(adata.obsm[name])]
    if len(names) != 1:
        msg = (
            f"`use_rep` must name the entry of `adata.obsm` with images, where there is not just one. {_entries(adata)}"
        )
        raise ValueError(msg)
    return names[0]


def _as_type(cells: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cells in another type: rounded to whole numbers of its range, where it is one of these."""
    if dtype.kind == "b":
        return cells > 0.5
    if dtype.kind in "iu":
        cells = np.rint(cells).clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return cells.astype(dtype)
