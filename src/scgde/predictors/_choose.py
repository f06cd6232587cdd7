"""Options chosen by cross-validation in which a clone or donor is never on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable

N_FOLDS = 5
#: Options are chosen on at most so many pairs.
MAX_PAIRS = 1000


def choose(
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray], groups: np.ndarray, rng: np.random.Generator
) -> int | None:
    """Which option has the lowest loss on held-out groups; None where there is only one group.

    Parameters
    ----------
    losses
        Function of the pairs to learn from and of those to score: summed loss of each option, shape ``(n_options,)``.
    groups
        Group of each pair, 0, 1, ..., shape ``(n,)``.
    rng
        Random state.
    """
    total = total_losses(losses, groups, rng)
    return None if total is None else int(np.argmin(total))


def total_losses(
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray],
    groups: np.ndarray,
    rng: np.random.Generator,
    *,
    max_pairs: int = MAX_PAIRS,
) -> np.ndarray | None:
    """Loss of each option on held-out groups, as :func:`choose` compares them, of at most ``max_pairs`` pairs."""
    fold = folds(groups, N_FOLDS, rng)
    used = rng.permutation(len(groups))[:max_pairs]
    parts = [(used[fold[used] != i], used[fold[used] == i]) for i in range(N_FOLDS)]
    parts = [(train, test) for train, test in parts if len(train) and len(test)]
    each = [losses(train, test) for train, test in progress(parts, "Choose predictor", unit="fold")]
    return np.sum(each, axis=0) if parts else None


def folds(groups: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Fold of each pair, shape ``(n,)``, the same for all pairs of a group."""
    n_groups = int(groups.max()) + 1
    return (rng.permutation(n_groups) % n_folds)[groups]
