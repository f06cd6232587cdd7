from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData

from scgde._checks import check_count, check_fraction, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import named, names, set_of_each_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

_BASES = "ACGT"


@checked_keywords
def sequence_multinomial_sets(
    n_sets: int = 100,
    n_cells: int | tuple[int, int] = 100,
    *,
    patterns: Sequence[str] | int = 3,
    length: int = 10,
    hidden: bool = False,
    noise: float = 0.0,
    p: ArrayLike | None = None,
    seed: int = 0,
) -> AnnData:
    """Sets of DNA sequences, each of which is one of a few patterns, with probabilities of the set.

    Parameters
    ----------
    n_sets
        Number of sets.
    n_cells
        Sequences per set, or a range ``(low, high)``, both included, for ragged sets.
    patterns
        Texts of equal length, or how many random ones of four bases, of which none is another one from a later start.
    length
        Bases of a sequence.
    hidden
        Whether a pattern is once at a random place among random bases. By default it is repeated from a random start.
    noise
        Probability that a base of a pattern is replaced by a random one.
    p
        Probabilities of the patterns in each set, shape ``(n_sets, K)``; uniform on the simplex by default.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells without ``X``: ``obs["sequence"]``, ``obs["pattern"]`` and ``obs["set"]``; ``uns["truth"]`` with ``"p"`` of
    shape ``(S, K)``, in the order of the categories of ``obs["set"]``, and ``"patterns"``.

    Raises
    ------
    ValueError
        If patterns differ in length or do not fit, or ``p`` is no matrix of probabilities.

    References
    ----------
    :cite:t:`Fishman25`.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.sequence_multinomial_sets(5, 20, length=8)
    >>> adata.obs["sequence"].str.len().unique().tolist()
    [8]
    """
    rng, noise = check_seed(seed), check_fraction(noise, "noise")
    texts = _patterns(patterns, check_count(length, "length"), rng)
    codes = set_of_each_cell(n_sets, n_cells, rng)
    shares = _probabilities(p, n_sets, len(texts), rng)
    kind = (rng.random((len(codes), 1)) > shares[codes].cumsum(axis=1)[:, :-1]).sum(axis=1)
    letters = np.array([[_BASES.index(base) for base in text] for text in texts])[kind]
    x = (_hidden if hidden else _repeated)(letters, length, noise, rng)
    obs = {
        "sequence": np.array(["".join(row) for row in np.array(list(_BASES))[x]], dtype=object),
        "pattern": pd.Categorical.from_codes(kind, pd.Index(texts)),
        "set": named("set", codes, n_sets),
    }
    truth = {"p": shares, "patterns": np.array(texts, dtype=object)}
    return AnnData(obs=pd.DataFrame(obs, index=names("cell", len(codes))), uns={"truth": truth})


def _repeated(letters: np.ndarray, length: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Patterns ``(n, k)`` over and over, from a random start, shape ``(n, length)``."""
    n_bases = letters.shape[1]
    places = (rng.integers(n_bases, size=(len(letters), 1)) + np.arange(length)) % n_bases
    return _replaced(np.take_along_axis(letters, places, axis=1), noise, rng)


def _hidden(letters: np.ndarray, length: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Patterns ``(n, k)`` at a random place among random bases, shape ``(n, length)``."""
    x = rng.integers(len(_BASES), size=(len(letters), length))
    start = rng.integers(length - letters.shape[1] + 1, size=(len(letters), 1))
    np.put_along_axis(x, start + np.arange(letters.shape[1]), _replaced(letters, noise, rng), axis=1)
    return x


def _replaced(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(x.shape) < noise, rng.integers(len(_BASES), size=x.shape), x)


def _patterns(patterns: Sequence[str] | int, length: int, rng: np.random.Generator) -> list[str]:
    if isinstance(patterns, int | np.integer):
        return _random_patterns(check_count(patterns, "patterns"), rng)
    texts = list(patterns)
    sizes = {len(text) for text in texts}
    if len(sizes) != 1 or not set("".join(texts)) <= set(_BASES) or not 1 <= max(sizes) <= length:
        msg = f"`patterns` must be texts of {_BASES} of equal length, at most {length}, got {texts}."
        raise ValueError(msg)
    return texts


def _random_patterns(n: int, rng: np.random.Generator) -> list[str]:
    found: list[str] = []
    taken: set[str] = set()
    while len(found) < n:
        text = "".join(rng.choice(list(_BASES), 4))
        turned = {text[i:] + text[:i] for i in range(4)}
        if len(turned) == 4 and not turned & taken:
            found.append(text)
            taken |= turned
        elif len(taken) == 4 * 60:
            msg = f"`patterns` must be at most 60, the patterns of four bases that differ, got {n}."
            raise ValueError(msg)
    return found


def _probabilities(p: ArrayLike | None, n_sets: int, n_patterns: int, rng: np.random.Generator) -> np.ndarray:
    if p is None:
        return rng.dirichlet(np.ones(n_patterns), size=n_sets)
    shares = np.asarray(p, dtype=float)
    if shares.shape != (n_sets, n_patterns) or (shares < 0).any() or not np.allclose(shares.sum(axis=1), 1):
        msg = f"`p` must hold probabilities of shape ({n_sets}, {n_patterns}), got shape {shares.shape}."
        raise ValueError(msg)
    return shares
