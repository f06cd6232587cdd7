"""Sequences of equal length, as rows of letter numbers."""

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


@REPRESENTATIONS.register("my_tokens")
@dataclass(frozen=True)
class Tokens(Representation):
    """An ``obsm`` entry of whole numbers, which are positions in the alphabet ``uns["alphabet"]``.

    Parameters
    ----------
    use_rep
        Name in ``obsm``.
    alphabet
        Letter of each number.
    length
        Of a sequence.
    """

    use_rep: str
    alphabet: str
    length: int

    default_featurizer: ClassVar[str] = "my_token_convolution"
    default_generator: ClassVar[str] = "my_autoregressive"

    @classmethod
    def from_adata(cls, adata: ad.AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        if use_rep not in adata.obsm or "alphabet" not in adata.uns:
            msg = (
                f"`use_rep` must name an entry of `adata.obsm`, got {use_rep!r}, and `adata.uns` hold its 'alphabet'. "
                f"Entries: {list(adata.obsm)} and {list(adata.uns)}."
            )
            raise KeyError(msg)
        return cls(use_rep, str(adata.uns["alphabet"]), adata.obsm[use_rep].shape[1])

    @property
    def spec(self) -> CellSpec:
        return CellSpec("tokens", (self.length,), torch.int64, len(self.alphabet))

    @property
    def label(self) -> str:
        return f"`adata.obsm[{self.use_rep!r}]`"

    @property
    def names(self) -> list[str]:
        return [f"{letter}_{i}" for i in range(self.length) for letter in self.alphabet]

    def read(self, adata: ad.AnnData) -> np.ndarray:
        tokens = adata.obsm[self.use_rep]
        if tokens.shape[1:] != self.spec.shape:
            msg = f"{self.label} must have sequences of {self.length} as in the reference, got {tokens.shape[1]}."
            raise ValueError(msg)
        return tokens

    def check(self, adata: ad.AnnData, codes: np.ndarray) -> None:
        tokens = self.read(adata)[codes >= 0]
        if tokens.dtype.kind not in "iu" or tokens.min() < 0 or tokens.max() >= len(self.alphabet):
            msg = f"{self.label} must hold whole numbers from 0 to {len(self.alphabet) - 1}, got {tokens.dtype}."
            raise ValueError(msg)

    def transform(self, scaling: str | None) -> TransformSpec:
        return TransformSpec("identity", self.spec, {})

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> ad.AnnData:
        sequences = ["".join(row) for row in np.array(list(self.alphabet))[cells]]
        obsm = {self.use_rep: cells.astype(np.uint8)}
        return ad.AnnData(obs=obs.assign(sequence=sequences), obsm=obsm, uns={"alphabet": self.alphabet})

    def check_decodable(self) -> None:
        msg = "`decode=True` needs principal components, got sequences. Leave it out."
        raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        return {"use_rep": self.use_rep, "alphabet": self.alphabet, "length": self.length}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        return cls(config["use_rep"], config["alphabet"], config["length"])
