from __future__ import annotations

from collections import Counter
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count

if TYPE_CHECKING:
    from collections.abc import Sequence


def kmer_distance(a: Sequence[str], b: Sequence[str], *, k: int = 3) -> float:
    """Total variation between the words of two sets of sequences: half the summed differences of their shares.

    0 where all words of k letters are as common in both, 1 where none is in both.

    Parameters
    ----------
    a, b
        Texts.
    k
        Letters of a word.

    Raises
    ------
    ValueError
        If a set has no word of k letters.

    Examples
    --------
    >>> import scgde
    >>> scgde.metrics.kmer_distance(["ACGT"], ["ACGG"], k=2)
    0.3333333333333333
    """
    check_count(k, "k")
    shares_a, shares_b = (_word_shares(texts, k, argument) for texts, argument in ((a, "a"), (b, "b")))
    words = shares_a.keys() | shares_b.keys()
    # Exact: the order of a set of words differs between processes.
    return 0.5 * fsum(abs(shares_a.get(word, 0.0) - shares_b.get(word, 0.0)) for word in words)


def edit_distance(a: Sequence[str], b: Sequence[str]) -> np.ndarray:
    """Insertions, deletions and replacements of single letters between each text of ``a`` and each of ``b``.

    Parameters
    ----------
    a, b
        Texts, n and m of them.

    Returns
    -------
    int64, shape ``(n, m)``.

    References
    ----------
    :cite:t:`Levenshtein66`.

    Examples
    --------
    >>> import scgde
    >>> scgde.metrics.edit_distance(["kitten"], ["sitting", "kitten"])
    array([[3, 0]])
    """
    letters, lengths = _padded(b)
    return np.stack([_edits(text, letters, lengths) for text in a]) if len(a) else np.zeros((0, len(b)), dtype=np.int64)


def _word_shares(texts: Sequence[str], k: int, argument: str) -> dict[str, float]:
    counts = Counter(text[i : i + k] for text in _checked(texts, argument) for i in range(len(text) - k + 1))
    total = sum(counts.values())
    if total == 0:
        msg = f"`{argument}` must hold a text of at least {k} letters, got none. Lower `k`."
        raise ValueError(msg)
    return {word: count / total for word, count in counts.items()}


def _checked(texts: Sequence[str], argument: str) -> Sequence[str]:
    if isinstance(texts, str):
        msg = f"`{argument}` must be a sequence of texts, got one text. Pass a list."
        raise TypeError(msg)
    return texts


def _padded(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Code points ``(m, L)``, -1 behind the end, and lengths ``(m,)``."""
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    letters = np.full((len(texts), lengths.max(initial=0)), -1)
    for row, text in zip(letters, texts, strict=True):
        row[: len(text)] = [ord(letter) for letter in text]
    return letters, lengths


def _edits(text: str, letters: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Edits from one text to each of several, shape ``(m,)``, by one row of the table for all of them at once."""
    columns = np.arange(letters.shape[1] + 1)
    row = np.tile(columns, (len(letters), 1))
    for i, letter in enumerate(text, start=1):
        best = np.minimum(row[:, 1:] + 1, row[:, :-1] + (letters != ord(letter)))
        best = np.column_stack([np.full(len(letters), i), best])
        # Insertions: a running minimum, in coordinates in which each costs nothing.
        row = np.minimum.accumulate(best - columns, axis=1) + columns
    return row[np.arange(len(letters)), lengths]
