from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Positions to train on and to test on."""

    train: np.ndarray
    test: np.ndarray


def splits(strata: np.ndarray, groups: np.ndarray, n_splits: int, rng: np.random.Generator) -> list[Split]:
    """Random parts of about one size, each tested once: no group is divided, and strata are dealt out evenly.

    Parameters
    ----------
    strata
        Class of each set, all 0 for none, shape ``(n,)``. A group counts as of the class that most of its sets have.
    groups
        Group of each set, shape ``(n,)``.
    n_splits
        Number of parts.
    """
    groups = np.unique(groups, return_inverse=True)[1]
    table = np.zeros((groups.max() + 1, strata.max() + 1), dtype=np.int64)
    np.add.at(table, (groups, strata), 1)
    shuffled = rng.permutation(len(table))
    dealt = shuffled[np.argsort(table[shuffled].argmax(axis=1), kind="stable")]
    part = np.empty(len(table), dtype=np.int64)
    part[dealt] = np.arange(len(table)) % n_splits
    parts = part[groups]
    return [Split(np.flatnonzero(parts != i), np.flatnonzero(parts == i)) for i in range(n_splits)]


def n_groups_of_rarest(strata: np.ndarray, groups: np.ndarray) -> int:
    """Groups in the class that occurs in the fewest of them."""
    return min(len(np.unique(groups[strata == stratum])) for stratum in np.unique(strata))
