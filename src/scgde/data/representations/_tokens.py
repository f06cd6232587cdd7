from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import anndata as ad
import numpy as np
import torch

from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.stores import blocks
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import TransformSpec
from scgde.nn.transforms._kmer_counts import counted_lengths
from scgde.sets._alphabet import Alphabet

if TYPE_CHECKING:
    import pandas as pd

    from scgde._types import Config

#: Entry that ``scgde.pp.tokenize`` writes by default.
X_TOKENS = "X_tokens"
#: Column of ``obs`` of generated cells.
_SEQUENCE = "sequence"


@REPRESENTATIONS.register("tokens")
@dataclass(frozen=True)
class Tokens(Representation):
    """Cells as sequences: an ``obsm`` entry of tokens, 0 behind the end, with its alphabet in ``uns``.

    Parameters
    ----------
    use_rep
        Name in ``obsm`` and ``uns``.
    alphabet
        Letters.
    length
        Tokens of the longest sequence.
    first_column
        Name of what stands in front of the letters, the column of ``obs`` of generated cells.
    """

    use_rep: str
    alphabet: Alphabet
    length: int
    first_column: str | None = None

    default_featurizer: ClassVar[str] = "kmer"
    default_generator: ClassVar[str] = "autoregressive"

    @classmethod
    def is_declared(cls, adata: ad.AnnData, use_rep: str | None) -> bool:
        entry: Any = adata.uns.get(use_rep) if use_rep in adata.obsm else None
        return hasattr(entry, "keys") and "alphabet" in entry

    @classmethod
    def from_adata(cls, adata: ad.AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        name = X_TOKENS if use_rep is None else use_rep
        if layer is not None or not cls.is_declared(adata, name):
            msg = (
                f"Tokens are required in `adata.obsm[{name!r}]` with their alphabet in `adata.uns[{name!r}]`, but at "
                "least one is missing. Write both with `scgde.pp.tokenize`, and name the entry by `use_rep`, not "
                f"`layer`. Entries: {list(adata.obsm)} and {list(adata.uns)}."
            )
            raise KeyError(msg)
        column = adata.uns[name].get("first_column")
        shape = adata.obsm[name].shape
        entry = cls(name, Alphabet.from_uns(adata.uns[name]), shape[-1], None if column is None else str(column))
        entry._check_type(adata.obsm[name])
        return entry

    @property
    def spec(self) -> CellSpec:  # type: ignore[override]
        return CellSpec("tokens", (self.length,), torch.uint8, self.alphabet.n_tokens, len(self.alphabet.first))

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"`adata.obsm[{self.use_rep!r}]`"

    @property
    def names(self) -> list[str]:  # type: ignore[override]
        letters = self.alphabet.letters
        lengths = range(1, counted_lengths(len(letters)) + 1)
        kmers = ["".join(kmer) for k in lengths for kmer in itertools.product(letters, repeat=k)]
        return [*kmers, *self.alphabet.first]

    def transform(self, scaling: str | None) -> TransformSpec:
        if scaling is not None:
            msg = f"`scaling` must be None for tokens, which have no scale, got {scaling!r}. Leave it out."
            raise ValueError(msg)
        return TransformSpec("kmer_counts", self.spec, {})

    def read(self, adata: ad.AnnData) -> Any:
        if not self.is_declared(adata, self.use_rep):
            msg = (
                f"{self.label} and its alphabet in `adata.uns[{self.use_rep!r}]` are required, which the reference "
                f"uses. Write both with `scgde.pp.tokenize`. Entries: {list(adata.obsm)} and {list(adata.uns)}."
            )
            raise KeyError(msg)
        x, found = adata.obsm[self.use_rep], Alphabet.from_uns(adata.uns[self.use_rep])
        self._check_type(x)
        if found == self.alphabet and x.shape[1] == self.length:
            return x
        return self._translated(np.asarray(x[:]), found)

    def check(self, adata: ad.AnnData, codes: np.ndarray) -> None:
        n_bad, n_empty = 0, 0
        for start, block in blocks(self.read(adata), dtype=np.int64):
            cells = block[codes[start : start + len(block)] >= 0]
            empty = (cells == 0).all(axis=1)
            n_empty += int(empty.sum())
            n_bad += int((~self._are_sequences(cells) & ~empty).sum())
        if n_empty:
            msg = (
                f"Each cell in a set must have a sequence in {self.label}, but {n_empty} have none. Leave them out: "
                f'`mask=adata.obsm["{self.use_rep}"].any(axis=1)`.'
            )
            raise ValueError(msg)
        if n_bad:
            msg = (
                f"{self.label} must hold tokens below {self.alphabet.n_tokens} with all 0 at the end, as "
                f"`scgde.pp.tokenize` writes them, but {n_bad} rows are no such sequences."
            )
            raise ValueError(msg)

    def to_adata(self, cells: np.ndarray, obs: pd.DataFrame, *, decode: bool = False) -> ad.AnnData:
        cells = cells.astype(np.uint8)
        columns = {_SEQUENCE: np.array(self.alphabet.decode(cells), dtype=object)}
        if self.alphabet.first:
            columns[self.first_column or "first"] = self.alphabet.decode_first(cells)
        obsm = {self.use_rep: cells}
        return ad.AnnData(obs=obs.assign(**columns), obsm=obsm, uns={self.use_rep: self._to_uns()})

    def check_decodable(self) -> None:
        msg = "`decode=True` needs principal components, got sequences, whose text is in `obs`. Leave it out."
        raise ValueError(msg)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        alphabet = {"letters": self.alphabet.letters, "first": list(self.alphabet.first)}
        config = {"use_rep": self.use_rep, "alphabet": alphabet, "length": self.length}
        return config | {"first_column": self.first_column}, {}

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        alphabet = Alphabet(config["alphabet"]["letters"], tuple(config["alphabet"]["first"]))
        return cls(config["use_rep"], alphabet, config["length"], config["first_column"])

    def _to_uns(self) -> dict[str, Any]:
        column = {} if self.first_column is None else {"first_column": self.first_column}
        return self.alphabet.to_uns() | column

    def _check_type(self, x: Any) -> None:
        if len(x.shape) != 2 or x.dtype.kind not in "iu":
            msg = f"{self.label} must hold integers of shape (n_obs, length), got {x.dtype} of shape {x.shape}."
            raise TypeError(msg)

    def _translated(self, x: np.ndarray, found: Alphabet) -> np.ndarray:
        """Tokens of the alphabet ``found`` as those of the reference, of its length."""
        translation = self.alphabet.translation(found)
        unknown = [found.names[token] for token in np.unique(x) if translation[token] < 0]
        if unknown:
            msg = f"{self.label} must have letters that the reference has, got others: {unknown[:10]}."
            raise ValueError(msg)
        if len(found.first[:1]) != self.alphabet.n_front:
            msg = f"{self.label} must begin with {self.first_column!r} where the reference does, and only there."
            raise ValueError(msg)
        longest = int((x > 0).sum(axis=1).max(initial=0))
        if longest > self.length:
            msg = f"{self.label} must have at most {self.length} tokens a cell as the reference, got {longest}."
            raise ValueError(msg)
        width = min(self.length, x.shape[1])
        tokens = np.zeros((len(x), self.length), dtype=np.uint8)
        tokens[:, :width] = translation[x[:, :width]]
        return tokens

    def _are_sequences(self, x: np.ndarray) -> np.ndarray:
        """Which rows of tokens ``(n, L)`` are letters, behind what stands first, with nothing behind the end."""
        n_letters, front = len(self.alphabet.letters), self.alphabet.n_front
        letters, head = x[:, front:], x[:, :front]
        ends = (np.diff((letters == 0).astype(np.int8), axis=1) >= 0).all(axis=1)
        known = ((letters >= 0) & (letters <= n_letters)).all(axis=1)
        return ends & known & ((head > n_letters) & (head < self.alphabet.n_tokens)).all(axis=1)
