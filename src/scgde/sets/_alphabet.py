"""Letters of sequences, and the map between text and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Alphabets by name.
ALPHABETS = {"dna": "ACGT", "rna": "ACGU", "protein": "ACDEFGHIKLMNPQRSTVWY"}
#: Tokens are bytes, and 0 is the end.
_MAX_TOKENS = 255


class Alphabet(NamedTuple):
    """Tokens of sequences: 0 ends a sequence, then the letters, then what may stand in front of the letters.

    Attributes
    ----------
    letters
        One character each; letter i is token i + 1.
    first
        Values of another column, such as genes, of which each sequence begins with one; empty where none does.
    """

    letters: str
    first: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, first: Sequence[str] = ()) -> Self:
        """Alphabet of this name, or of these letters.

        Raises
        ------
        TypeError
            If it is not text.
        ValueError
            If letters come twice, or tokens do not fit in a byte.
        """
        if not isinstance(name, str):
            msg = f"`alphabet` must be one of {list(ALPHABETS)} or a text of letters, got {name!r}."
            raise TypeError(msg)
        letters = ALPHABETS.get(name, name)
        if not letters or len(set(letters)) < len(letters):
            msg = f"`alphabet` must be one of {list(ALPHABETS)} or a text with each letter once, got {name!r}."
            raise ValueError(msg)
        if len(letters) + len(first) > _MAX_TOKENS:
            msg = (
                f"At most {_MAX_TOKENS} letters and values of `first_key` are possible, got {len(letters)} and "
                f"{len(first)}. Join rare values of that column."
            )
            raise ValueError(msg)
        return cls(letters, tuple(first))

    @property
    def n_tokens(self) -> int:
        """Number of tokens, the end included."""
        return 1 + len(self.letters) + len(self.first)

    @property
    def n_front(self) -> int:
        """Positions in front of the letters, 0 or 1."""
        return int(bool(self.first))

    @property
    def names(self) -> list[str]:
        """Of each token; that of the end is empty."""
        return ["", *self.letters, *self.first]

    def encode(self, sequences: Sequence[str], first: Sequence[str] | None, length: int) -> np.ndarray:
        """Tokens of sequences of known letters, uint8 of shape ``(n, length)``; an empty sequence is all 0."""
        tokens = np.zeros((len(sequences), length), dtype=np.uint8)
        lookup = np.zeros(max(map(ord, self.letters)) + 1, dtype=np.uint8)
        lookup[[ord(letter) for letter in self.letters]] = np.arange(1, len(self.letters) + 1)
        for row, sequence in zip(tokens, sequences, strict=True):
            row[self.n_front : self.n_front + len(sequence)] = lookup[[ord(letter) for letter in sequence]]
        if first is not None:
            code = {name: 1 + len(self.letters) + i for i, name in enumerate(self.first)}
            tokens[:, 0] = np.where(tokens[:, 1] > 0, [code.get(name, 0) for name in first], 0)
        return tokens

    def decode(self, tokens: np.ndarray) -> list[str]:
        """Letters of each sequence of tokens ``(n, L)``."""
        rows = np.array(["", *self.letters])[tokens[:, self.n_front :]]
        return ["".join(row) for row in rows]

    def decode_first(self, tokens: np.ndarray) -> np.ndarray:
        """What stands in front of the letters of each, shape ``(n,)``."""
        return np.array(self.names, dtype=object)[tokens[:, 0]]

    def translation(self, other: Alphabet) -> np.ndarray:
        """Token here of each token of ``other``, shape ``(other.n_tokens,)``; -1 where there is none."""
        here = {name: token for token, name in enumerate(self.names)}
        return np.array([here.get(name, -1) for name in other.names])

    def to_uns(self) -> dict[str, Any]:
        """As an AnnData holds it."""
        front = {"first": np.array(self.first, dtype=object)} if self.first else {}
        return {"alphabet": self.letters, **front}

    @classmethod
    def from_uns(cls, entry: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_uns`."""
        return cls(str(entry["alphabet"]), tuple(map(str, entry.get("first", ()))))
