from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count
from scgde._hints import checked_keywords
from scgde.sets._airr import airr_column
from scgde.sets._alphabet import Alphabet
from scgde.sets._views import materialize

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


@checked_keywords
def tokenize(
    adata: AnnData,
    sequence_key: str,
    *,
    alphabet: str = "dna",
    first_key: str | None = None,
    max_length: int | None = None,
    key_added: str = "X_tokens",
) -> None:
    """Write text, such as DNA or proteins, as tokens: the cells that ``scgde.tl.fit_gde(use_rep="X_tokens")`` models.

    Parameters
    ----------
    adata
        Cells. A view becomes an AnnData of its own.
    sequence_key
        Column of ``obs`` with one sequence per cell, missing for cells without. Or, where scirpy keeps receptors in
        ``obsm["airr"]``, chain and field, such as ``"VDJ_1_junction_aa"``.
    alphabet
        ``"dna"``, ``"rna"``, ``"protein"``, or the letters that occur, such as ``"ACGTN"``. Lower case letters are
        taken for those in upper case, where the alphabet has only these.
    first_key
        Column, or chain and field, of what stands in front of each sequence, such as a V gene: one token.
    max_length
        Letters of a sequence, at most; longer ones are refused. By default those of the longest one.
    key_added
        Where tokens are written.

    Returns
    -------
    None. Writes ``obsm[key_added]``, uint8 of shape ``(n_obs, length)``, and ``uns[key_added]`` with the
    ``alphabet`` and, with ``first_key``, its values. Token 0 is the end, letter i of the alphabet is token i + 1, and
    the values of ``first_key`` follow. Cells without a sequence are rows of 0, and have to be left out of a fit.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If there are other letters, no sequence at all, or one that is too long.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.sequence_multinomial_sets(5, 20, length=8)
    >>> scgde.pp.tokenize(adata, "sequence", alphabet="dna")
    >>> adata.obsm["X_tokens"].shape
    (100, 8)
    """
    sequences = _text(adata, sequence_key, "sequence_key")
    front = None if first_key is None else _text(adata, first_key, "first_key")
    if front is not None:
        sequences = sequences.where(front != "", "")
    letters = Alphabet.of(alphabet, [] if front is None else sorted(set(front[sequences != ""])))
    sequences = _in_upper_case(sequences, letters)
    _check_letters(sequences, letters, sequence_key)
    length = letters.n_front + _length(sequences, max_length, sequence_key)
    tokens = letters.encode(sequences.tolist(), None if front is None else front.tolist(), length)

    materialize(adata)
    adata.obsm[key_added] = tokens
    adata.uns[key_added] = letters.to_uns() | ({} if first_key is None else {"first_column": first_key})


def _text(adata: AnnData, column: str, argument: str) -> pd.Series:
    """Text of each cell, empty where it is missing."""
    if column in adata.obs:
        values = adata.obs[column]
    else:
        values = airr_column(adata, column)
        if values is None:
            msg = (
                f"`{argument}` must be a column of `adata.obs`, or chain and field of `adata.obsm['airr']` such as "
                f"'VDJ_1_junction_aa', got {column!r}. Columns: {list(adata.obs)}."
            )
            raise KeyError(msg)
    values = values.astype(object)
    return values.where(values.notna(), "").astype(str)


def _in_upper_case(sequences: pd.Series, alphabet: Alphabet) -> pd.Series:
    return sequences.str.upper() if alphabet.letters == alphabet.letters.upper() else sequences


def _check_letters(sequences: pd.Series, alphabet: Alphabet, column: str) -> None:
    known = set(alphabet.letters)
    other = sequences.map(lambda text: not known.issuperset(text))
    if other.any():
        found = "".join(sorted(set("".join(sequences[other])) - known))
        msg = (
            f"`sequence_key` must hold letters of {alphabet.letters!r}, but {int(other.sum())} sequences of {column!r} "
            f"have others: {found!r}. Leave these out, or name all letters: `alphabet={alphabet.letters + found!r}`."
        )
        raise ValueError(msg)


def _length(sequences: pd.Series, max_length: int | None, column: str) -> int:
    longest = int(sequences.str.len().max()) if len(sequences) else 0
    if longest == 0:
        msg = f"`sequence_key` must hold sequences, but {column!r} has none."
        raise ValueError(msg)
    if max_length is None:
        return longest
    if longest > check_count(max_length, "max_length"):
        n_longer = int(np.sum(sequences.str.len() > max_length))
        msg = (
            f"`max_length` must not be below the longest sequence, {longest} letters, got {max_length}, and {n_longer} "
            "sequences are longer. Leave these out, or cut them first."
        )
        raise ValueError(msg)
    return max_length
