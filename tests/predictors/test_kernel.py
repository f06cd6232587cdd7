from __future__ import annotations

import numpy as np
import pytest

from scgde.predictors import Kernel

N, E = 120, 3


def test_kernel_of_residuals_reaches_between_the_targets_seen():
    """Few pairs of a smooth map: targets are far apart, and so is the nearest one from the truth."""
    rng = np.random.default_rng(0)
    source, new = rng.normal(size=(30, E)), rng.normal(size=(200, E))
    kernels = [Kernel(residuals=choice, relative=False).fit(source, np.sin(source)) for choice in (True, False)]
    errors = [
        np.linalg.norm(kernel.draw(new, n_draws=20, rng=np.random.default_rng(1)) - np.sin(new)[:, None], axis=-1)
        for kernel in kernels
    ]
    assert errors[0].mean() < 0.7 * errors[1].mean()
    assert Kernel().fit(source, np.sin(source)).chosen["residuals"] == 1


def test_kernel_continues_a_map_along_straight_lines():
    rng = np.random.default_rng(0)
    map_ = rng.normal(size=(E, E))
    source, far = rng.normal(size=(200, E)), rng.normal(size=(50, E)) + 6
    target = source @ map_ + 0.2 * np.sin(2 * source) + 0.1 * rng.normal(size=source.shape)
    predictor = Kernel().fit(source, target)
    assert predictor.chosen["residuals"] == 1
    assert predictor.chosen["linear_weight"] > 0
    error = np.linalg.norm(predictor.mean(far) - far @ map_, axis=1).mean()
    assert error < 0.15 * np.linalg.norm(far @ map_ - target.mean(axis=0), axis=1).mean()


def test_kernel_has_no_linear_part_where_the_map_has_none():
    rng = np.random.default_rng(0)
    source = rng.uniform(-1, 1, size=(300, 2))
    for target in (np.abs(source), rng.normal(size=(300, 2))):
        assert Kernel(residuals=True).fit(source, target).chosen["linear_weight"] == 0


@pytest.mark.parametrize("relative", [True, False])
def test_kernel_that_compares_few_options_on_all_pairs_is_as_good_as_one_that_compares_all(monkeypatch, relative):
    """Displacements or targets by one of two covariates: what is better is not left out by the first comparison."""
    rng = np.random.default_rng(0)
    source, covariates = rng.normal(size=(150, E)) * 5, rng.choice([1.0, 2.0], size=(150, 2))
    target = source * relative + np.where(covariates[:, :1] > 1, 3, -3) + 0.3 * rng.normal(size=source.shape)
    monkeypatch.setattr("scgde.predictors._kernel._SCREENED", 75)
    screened = Kernel().fit(source, target, covariates=covariates)
    monkeypatch.setattr("scgde.predictors._kernel._SCREENED", np.inf)
    full = Kernel().fit(source, target, covariates=covariates)
    expected = np.where(covariates[:, :1] > 1, 3, -3) + source * relative
    errors = [np.square(one.mean(source, covariates=covariates) - expected).mean() for one in (screened, full)]
    assert errors[0] < 1.1 * errors[1] < 0.2, errors


def test_kernel_fitted_to_a_single_group_mixes_its_targets(forked_pairs):
    source, target = forked_pairs()
    assert Kernel().fit(source, target, groups=np.zeros(N)).chosen["residuals"] == 0


def test_covariate_that_never_varied_changes_nothing(forked_pairs):
    source, target = forked_pairs()
    without = Kernel().fit(source, target).mean(source[:4])
    with_one = (
        Kernel().fit(source, target, covariates=np.full((N, 1), 4.0)).mean(source[:4], covariates=np.full((4, 1), 4))
    )
    np.testing.assert_allclose(without, with_one, atol=1e-6)


def test_covariate_that_decides_the_fate_is_used():
    rng = np.random.default_rng(0)
    source, time = rng.normal(size=(N, E)), rng.choice([2.0, 6.0], size=(N, 1))
    target = np.where(time > 4, 3.0, -3.0) + 0.1 * rng.normal(size=(N, E))
    kernel = Kernel().fit(source, target, covariates=time)
    early, late = (kernel.mean(source[:10], covariates=np.full((10, 1), value)) for value in (2.0, 6.0))
    assert late.mean() - early.mean() > 4


@pytest.mark.parametrize(("effect", "expected"), [("none", 0.0), ("shared", 1.0)])
def test_forecasts_stay_at_their_source_where_displacements_do_not_carry_over(effect, expected):
    """Ten contexts of three pairs; the displacement of a context is its own, or that of all."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(10), 3)
    source = rng.normal(size=(30, 4))
    own = 2 * rng.normal(size=(10, 4))[group]
    displacement = own - own.mean(axis=0) if effect == "none" else np.tile([3.0, 0, 0, 0], (30, 1))
    predictor = Kernel(relative=True, residuals=False).fit(source, source + displacement, groups=group)
    assert predictor.chosen["shrinkage"] == expected
    new = rng.normal(size=(5, 4))
    forecast = predictor.mean(new)
    if effect == "none":
        np.testing.assert_allclose(forecast, new, atol=1e-5)
    else:
        np.testing.assert_allclose(forecast, new + np.array([3.0, 0, 0, 0]), atol=0.2)
