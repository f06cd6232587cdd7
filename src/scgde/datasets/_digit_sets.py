from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd

from scgde._checks import check_one_of, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import named, set_of_each_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

PARTS = ("all", "even", "odd")


@checked_keywords
def digit_sets(
    n_sets: int = 100,
    n_cells: int | tuple[int, int] = 100,
    *,
    digits: Sequence[int] = (0, 1, 2),
    alpha: float = 1.0,
    shares: np.ndarray | None = None,
    part: str = "all",
    seed: int = 0,
) -> AnnData:
    """Sets of images of handwritten digits, mixed in shares from a Dirichlet.

    The images are those of scikit-learn, 8 x 8 pixels of 17 grey levels, about 180 of each digit; they are drawn with
    replacement.

    Parameters
    ----------
    n_sets
        Number of sets.
    n_cells
        Images per set, or a range ``(low, high)``, both included, for ragged sets.
    digits
        Which digits are mixed.
    alpha
        Concentration of the Dirichlet.
    shares
        Share of each digit in each set, shape ``(n_sets, len(digits))``, in place of random ones.
    part
        Which images of each digit are drawn from: ``"all"`` of them, or every second one (``"even"``, ``"odd"``), so
        that two calls have no image in common.
    seed
        Seed of everything drawn.

    Returns
    -------
    Images as uint8 in ``obsm["X_images"]``, shape ``(n_obs, 1, 8, 8)``, without an ``X``; ``obs["set"]``,
    ``obs["digit"]``, and ``uns["truth"]["p"]``, the shares, shape ``(n_sets, len(digits))``.

    Raises
    ------
    ValueError
        If ``digits`` are not two or more of 0 to 9, ``shares`` do not sum to 1, or ``part`` is unknown.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.digit_sets(4, 5)
    >>> adata.obsm["X_images"].shape
    (20, 1, 8, 8)
    """
    digits, rng = _check_digits(digits), check_seed(seed)
    check_one_of(part, "part", PARTS)
    codes = set_of_each_cell(n_sets, n_cells, rng)
    p = (
        rng.dirichlet(np.full(len(digits), alpha), size=n_sets)
        if shares is None
        else _check_shares(shares, n_sets, digits)
    )
    drawn = (rng.random((len(codes), 1)) > p[codes].cumsum(axis=1)[:, :-1]).sum(axis=1)
    images = np.empty((len(codes), 1, 8, 8), dtype=np.uint8)
    for position, pool in enumerate(_pools(digits, part)):
        of_digit = drawn == position
        images[of_digit, 0] = pool[rng.integers(len(pool), size=of_digit.sum())]
    obs = pd.DataFrame(
        {"set": named("set", codes, n_sets), "digit": pd.Categorical(np.take(digits, drawn).astype(str))}
    )
    return ad.AnnData(obs=obs.rename(index=str), obsm={"X_images": images}, uns={"truth": {"p": p}})


def _pools(digits: list[int], part: str) -> list[np.ndarray]:
    """Images of each digit, ``(n, 8, 8)``."""
    from sklearn.datasets import load_digits

    content = load_digits()
    chosen = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[part]
    return [content.images[content.target == digit][chosen] for digit in digits]


def _check_digits(digits: Sequence[int]) -> list[int]:
    values = list(digits)
    if len(set(values)) != len(values) or len(values) < 2 or not set(values) <= set(range(10)):
        msg = f"`digits` must be two or more different ones of 0 to 9, got {digits!r}."
        raise ValueError(msg)
    return values


def _check_shares(shares: np.ndarray, n_sets: int, digits: list[int]) -> np.ndarray:
    values = np.asarray(shares, dtype=float)
    if values.shape != (n_sets, len(digits)) or (values < 0).any() or not np.allclose(values.sum(axis=1), 1):
        msg = f"`shares` must be {n_sets} rows of {len(digits)} shares that sum to 1, got shape {values.shape}."
        raise ValueError(msg)
    return values
