from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from scgde.stats._two_classes import fit_two_classes


def rows(n, d, *, noise=0.3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    return x, x[:, 0] + noise * rng.normal(size=n) > 0.5


@pytest.mark.parametrize(("n", "d"), [(12, 4), (40, 30), (200, 20)])
@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_coefficients_are_those_of_scikit_learn(n, d, strength, class_weight):
    x, is_second = rows(n, d)
    weights = None if class_weight is None else n / 2 / np.where(is_second, is_second.sum(), (~is_second).sum())
    coef, intercept = fit_two_classes(x, is_second, strength, weights)
    model = LogisticRegression(C=strength, class_weight=class_weight, tol=1e-8, max_iter=10_000).fit(x, is_second)
    np.testing.assert_allclose(coef, model.coef_[0], atol=1e-4)
    assert intercept == pytest.approx(model.intercept_[0], abs=1e-4)


def test_separable_classes_have_a_finite_fit():
    x = np.array([[-1.0], [1.0]])
    coef, intercept = fit_two_classes(x, np.array([False, True]), 1e6)
    # Where the derivative is zero: 2 / (1 + exp(c)) = c / strength.
    assert 2e6 / (1 + np.exp(coef[0])) == pytest.approx(coef[0], rel=0.01)
    assert intercept == pytest.approx(0, abs=1e-6)


def test_without_columns_that_tell_the_intercept_is_the_log_odds():
    coef, intercept = fit_two_classes(np.zeros((8, 2)), np.arange(8) < 2, 1.0)
    np.testing.assert_array_equal(coef, 0)
    assert intercept == pytest.approx(np.log(2 / 6), abs=1e-4)


def test_large_columns_do_not_keep_it_from_the_minimum():
    x, is_second = rows(50, 3, noise=2.0)
    (coef, intercept), (plain, at_plain) = (fit_two_classes(s * x, is_second, c) for s, c in ((1e3, 1.0), (1.0, 1e6)))
    np.testing.assert_allclose(1e3 * coef, plain, rtol=1e-3)
    assert intercept == pytest.approx(at_plain, rel=1e-3)
