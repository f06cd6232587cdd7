from __future__ import annotations

import numpy as np

from scgde.predictors import Ridge


def test_ridge_is_a_point_between_two_fates(fitted, forked_pairs):
    source = forked_pairs(5)[0][:20]
    draws = fitted["ridge"].draw(source, covariates=np.ones((20, 1)), n_draws=3, rng=np.random.default_rng(0))
    assert (np.abs(draws[..., 0]) < 2).all()
    assert (draws == draws[:, :1]).all()


def test_ridge_with_residuals_scatters_like_its_errors(forked_pairs):
    source, target = forked_pairs()
    ridge = Ridge(residuals=True).fit(source, target)
    draws = ridge.draw(source[:2], n_draws=4000, rng=np.random.default_rng(0))
    expected = np.cov((target - ridge.mean(source)).T)
    np.testing.assert_allclose(np.cov(draws[0].T), expected, atol=0.1 * expected.max())
