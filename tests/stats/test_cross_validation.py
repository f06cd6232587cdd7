from __future__ import annotations

import numpy as np
import pytest

from scgde.stats._cross_validation import n_groups_of_rarest, splits


@pytest.fixture
def design():
    """Forty donors of one to four sets; a quarter of them in the rare class."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), rng.integers(1, 5, size=40))
    return (groups % 4 == 0).astype(int), groups


def test_splits_test_each_set_once_and_never_divide_a_group(design):
    strata, groups = design
    parts = splits(strata, groups, 5, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(np.concatenate([part.test for part in parts])), np.arange(len(groups)))
    for train, test in parts:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == len(groups)


def test_splits_deal_out_each_class_evenly(design):
    strata, groups = design
    donors = np.arange(40)
    for train, test in splits((donors % 4 == 0).astype(int), donors, 5, np.random.default_rng(1)):
        assert len(test) == 8
        assert (donors[test] % 4 == 0).sum() == 2
        assert len(train) == 32
    for _, test in splits(strata, groups, 5, np.random.default_rng(1)):
        assert len(np.unique(groups[test][strata[test] == 1])) == 2


def test_splits_differ_between_repeats(design):
    rng = np.random.default_rng(0)
    first, second = splits(*design, 5, rng), splits(*design, 5, rng)
    assert any(set(a.test) != set(b.test) for a, b in zip(first, second, strict=True))


def test_n_groups_of_rarest_counts_donors_and_not_sets():
    assert n_groups_of_rarest(np.array([0, 0, 0, 0, 1, 1, 1]), np.array([1, 2, 3, 4, 5, 5, 6])) == 2
