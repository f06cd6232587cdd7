from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Positions to train on and to test on.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> folds = stats.splits(np.array([0, 0, 1, 1]), np.arange(4), 2, np.random.default_rng(0))
    >>> len(folds[0].train), len(folds[0].test)
    (2, 2)
    """

    train: np.ndarray
    test: np.ndarray


def splits(strata: np.ndarray, groups: np.ndarray, n_splits: int, rng: np.random.Generator) -> list[Split]:
    """Random folds of about equal size that keep groups together and spread the strata evenly.

    Parameters
    ----------
    strata
        Class of each set, all 0 for none, shape ``(n,)``. A group belongs to the class that most of its sets have.
    groups
        Group of each set, shape ``(n,)``.
    n_splits
        Number of folds.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> folds = stats.splits(np.array([0, 0, 1, 1]), np.arange(4), 2, np.random.default_rng(0))
    >>> [sorted(fold.test.tolist()) for fold in folds] != [[0, 1], [2, 3]]
    True
    """
    groups = np.unique(groups, return_inverse=True)[1]
    table = np.zeros((groups.max() + 1, strata.max() + 1), dtype=np.int64)
    np.add.at(table, (groups, strata), 1)
    shuffled = rng.permutation(len(table))
    # Groups in random order, one class after the other, are assigned to the folds in turn.
    by_class = shuffled[np.argsort(table[shuffled].argmax(axis=1), kind="stable")]
    fold_of_group = np.empty(len(table), dtype=np.int64)
    fold_of_group[by_class] = np.arange(len(table)) % n_splits
    fold = fold_of_group[groups]
    return [Split(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(n_splits)]


def n_groups_of_rarest(strata: np.ndarray, groups: np.ndarray) -> int:
    """Number of groups in the class that occurs in the fewest groups.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> stats.n_groups_of_rarest(np.array([0, 0, 1]), np.arange(3))
    1
    """
    return min(len(np.unique(groups[strata == stratum])) for stratum in np.unique(strata))
