from __future__ import annotations

import numpy as np

from scgde.predictors._choose import choose, folds, total_losses


def test_folds_keep_groups_together():
    groups = np.random.default_rng(0).integers(20, size=200)
    groups = np.unique(groups, return_inverse=True)[1]
    fold = folds(groups, 5, np.random.default_rng(1))
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))


def test_choose_takes_the_option_with_the_lowest_loss_and_none_of_one_group():
    def losses(train, test):
        assert not set(train) & set(test)
        return np.array([3.0, 1.0, 2.0]) * len(test)

    assert choose(losses, np.arange(10), np.random.default_rng(0)) == 1
    assert choose(losses, np.zeros(10, dtype=int), np.random.default_rng(0)) is None


def test_losses_are_summed_over_all_pairs_that_are_used():
    def losses(train, test):
        return np.array([len(test), len(train)])

    groups = np.arange(100) // 2
    assert total_losses(losses, groups, np.random.default_rng(0)).tolist() == [100, 400]
    assert total_losses(losses, groups, np.random.default_rng(0), max_pairs=30).tolist() == [30, 120]
    assert total_losses(losses, np.zeros(9, dtype=int), np.random.default_rng(0)) is None
