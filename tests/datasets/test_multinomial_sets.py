from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scgde import datasets


def test_multinomial_sets_counts_have_the_true_probabilities():
    adata = datasets.multinomial_sets(100, 500, 3, n_trials=20)
    assert (adata.X.sum(axis=1) == 20).all()
    p = adata.uns["truth"]["p"]
    observed = adata.X.reshape(100, 500, 3).sum(axis=1)
    z = (observed - 10_000 * p) / np.sqrt(10_000 * p * (1 - p))
    assert np.abs(z).max() < 5
    assert 0.8 < z.std() < 1.2


def test_multinomial_sets_probabilities_follow_the_dirichlet():
    p = datasets.multinomial_sets(2000, 1, alpha=[0.5, 2, 4]).uns["truth"]["p"]
    for column, alpha in zip(p.T, [0.5, 2, 4], strict=True):
        assert stats.kstest(column, stats.beta(alpha, 6.5 - alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [0, [1, 1], np.nan])
def test_multinomial_sets_raises_when_alpha_is_wrong(alpha):
    with pytest.raises(ValueError, match="`alpha` must be one positive number, or one for each of 3 classes"):
        datasets.multinomial_sets(alpha=alpha)
