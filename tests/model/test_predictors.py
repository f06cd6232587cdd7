from __future__ import annotations

import numpy as np
import pytest

from scgde.model.predictors import Kernel, Neighbors, Ridge, predictors
from scgde.model.predictors._choose import choose, folds
from scgde.model.predictors._inputs import Inputs, Units
from scgde.model.predictors._kernel_system import KernelSystem, onto_simplex
from scgde.model.predictors._mixture import energy_score, squared_distances, systematic_draws

N, E = 120, 3
QUICK = {"mlp": {"max_steps": 200}, "flow": {"max_steps": 300, "n_hidden": 32}}
MIXTURES = ("kernel", "neighbors")


def forked_pairs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sources with two fates each: +4 or -4 along the first axis, the rest a linear map of the source."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(N, E))
    target = source @ np.diag([0.0, 1.0, -1.0]) + 0.05 * rng.normal(size=(N, E))
    target[:, 0] += 4 * rng.choice([-1, 1], size=N)
    return source, target


@pytest.fixture(scope="module")
def fitted():
    source, target = forked_pairs()
    time = np.arange(N)[:, None] % 3.0
    return {
        name: predictors[name](**QUICK.get(name, {})).fit(source, target, covariates=time, seed=0)
        for name in predictors
    }


@pytest.mark.parametrize("name", predictors)
def test_predictor_draws_and_means_have_the_shapes_promised(fitted, name):
    source, time = forked_pairs(1)[0][:7], np.zeros((7, 1))
    draws = fitted[name].draw(source, covariates=time, n_draws=5, rng=np.random.default_rng(0))
    mean = fitted[name].mean(source, covariates=time)
    assert draws.shape == (7, 5, E)
    assert mean.shape == (7, E)
    assert draws.dtype == mean.dtype == np.float32
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("name", predictors)
def test_predictor_repeats_for_a_seed(fitted, name):
    source, time = forked_pairs(1)[0][:4], np.zeros((4, 1))
    first, again = (
        fitted[name].draw(source, covariates=time, n_draws=6, rng=np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", predictors)
def test_predictor_survives_storage(fitted, name):
    config, arrays = fitted[name].to_stored()
    again = predictors[config["name"]].from_stored(config, {key: value.copy() for key, value in arrays.items()})
    source, time = forked_pairs(2)[0][:4], np.ones((4, 1))
    np.testing.assert_array_equal(again.mean(source, covariates=time), fitted[name].mean(source, covariates=time))
    assert again.in_support(source, covariates=time).all()


@pytest.mark.parametrize("name", predictors)
def test_predictor_tells_new_sources_from_those_seen(fitted, name):
    source, time = forked_pairs(2)[0], np.ones((N, 1))
    assert fitted[name].in_support(source, covariates=time).mean() > 0.8
    assert not fitted[name].in_support(source + 20, covariates=time).any()
    assert not fitted[name].in_support(source, covariates=time + 20).any()


@pytest.mark.parametrize("name", predictors)
def test_predictor_means_beat_the_mean_of_all_targets(fitted, name):
    source, target = forked_pairs(5)
    error = np.square(fitted[name].mean(source, covariates=np.ones((N, 1))) - target)[:, 1:].mean()
    assert error < 0.5 * target[:, 1:].var(axis=0).mean()


@pytest.mark.parametrize("name", ["kernel", "neighbors", "flow"])
def test_stochastic_predictor_keeps_two_fates_apart(fitted, name):
    source = forked_pairs(5)[0][:20]
    draws = fitted[name].draw(source, covariates=np.ones((20, 1)), n_draws=40, rng=np.random.default_rng(0))[..., 0]
    assert (np.abs(draws) > 2).mean() > 0.7
    assert 0.2 < (draws > 0).mean() < 0.8


def test_ridge_is_a_point_between_two_fates(fitted):
    source = forked_pairs(5)[0][:20]
    draws = fitted["ridge"].draw(source, covariates=np.ones((20, 1)), n_draws=3, rng=np.random.default_rng(0))
    assert (np.abs(draws[..., 0]) < 2).all()
    assert (draws == draws[:, :1]).all()


def test_ridge_with_residuals_scatters_like_its_errors():
    source, target = forked_pairs()
    ridge = Ridge(residuals=True).fit(source, target)
    draws = ridge.draw(source[:2], n_draws=4000, rng=np.random.default_rng(0))
    expected = np.cov((target - ridge.mean(source)).T)
    np.testing.assert_allclose(np.cov(draws[0].T), expected, atol=0.1 * expected.max())


@pytest.mark.parametrize("name", MIXTURES)
def test_mixture_weights_are_on_the_simplex(fitted, name):
    predictor = fitted[name]
    inputs = predictor._units.inputs(forked_pairs(1)[0], np.zeros((N, 1)), None)
    weights = predictor.weights(inputs)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()


@pytest.mark.parametrize("predictor", [Kernel(residuals=False), Neighbors()])
def test_mixture_draws_are_targets_seen_in_training(predictor):
    source, target = forked_pairs()
    draws = predictor.fit(source, target).draw(source[:3] + 1, n_draws=8, rng=np.random.default_rng(0))
    nearest = np.abs(draws.reshape(-1, 1, E) - target.astype(np.float32)).max(axis=-1).min(axis=1)
    assert nearest.max() < 1e-5


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


@pytest.mark.parametrize("linear_weight", [0.0, 2.0])
def test_residuals_left_out_are_those_of_a_fit_without_the_group(linear_weight):
    rng = np.random.default_rng(0)
    source, values, penalty = rng.normal(size=(40, E)), rng.normal(size=(40, 2)), 0.3
    groups = rng.integers(15, size=40)
    system = KernelSystem.of(Inputs(source, np.zeros((40, 0)), np.zeros(40)), 1.0, 0.0, linear_weight)
    residuals = system.left_out(values, groups, penalty)
    square = ((source[:, None] - source) ** 2).mean(-1)
    kernel = -(np.sqrt(square) + linear_weight * square) / system.unit
    for group in np.unique(groups):
        out, kept = np.flatnonzero(groups == group), np.flatnonzero(groups != group)
        # The equations of a spline: a constant that is not penalised, and slopes that sum to zero.
        one = np.ones((len(kept), 1))
        matrix = np.block([[kernel[np.ix_(kept, kept)] + penalty * np.eye(len(kept)), one], [one.T, np.zeros((1, 1))]])
        slopes = np.linalg.solve(matrix, np.concatenate([values[kept], np.zeros((1, 2))]))
        expected = kernel[np.ix_(out, kept)] @ slopes[:-1] + slopes[-1]
        np.testing.assert_allclose(residuals[out], values[out] - expected, atol=1e-10)


def test_kernel_fitted_to_a_single_group_mixes_its_targets():
    source, target = forked_pairs()
    assert Kernel().fit(source, target, groups=np.zeros(N)).chosen["residuals"] == 0


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_does_not_depend_on_the_units_and_place_of_embeddings(cls):
    source, target = forked_pairs()
    new = forked_pairs(1)[0][:6]
    plain = cls().fit(source, target).mean(new)
    moved = cls().fit(7 * source + 3, 0.1 * target - 5).mean(7 * new + 3)
    np.testing.assert_allclose(moved, 0.1 * plain - 5, atol=1e-4)


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_carries_a_shift_over_to_a_source_unlike_all_others(cls):
    rng = np.random.default_rng(0)
    context = 5 * np.repeat(rng.normal(size=(8, E)), 6, axis=0)
    source = context + 0.3 * rng.normal(size=context.shape)
    shift = np.array([1.0, -2.0, 0.0])
    target = source + shift + 0.1 * rng.normal(size=source.shape)
    predictor = cls().fit(source, target, groups=np.repeat(np.arange(8), 6))
    assert predictor.chosen["relative"] == 1
    far = source[:5] + 30
    draws = predictor.draw(far, n_draws=10, rng=np.random.default_rng(1))
    np.testing.assert_allclose(draws, np.broadcast_to(far[:, None] + shift, draws.shape), atol=0.5)
    only_targets = {"relative": False} | ({"residuals": False} if cls is Kernel else {})
    fixed = cls(**only_targets).fit(source, target).draw(far, n_draws=10, rng=np.random.default_rng(1))
    assert np.abs(fixed - (far[:, None] + shift)).mean() > 5


@pytest.mark.parametrize("cls", [Kernel, Neighbors])
def test_mixture_is_not_relative_where_the_target_does_not_follow_the_source(cls):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(N, E)), rng.normal(size=(N, E))
    assert cls().fit(source, target).chosen["relative"] == 0


def test_neighbors_looks_farther_for_a_noisy_source():
    source, target = forked_pairs()
    rng = np.random.default_rng(0)
    covariance = np.eye(E) * rng.uniform(0.01, 2, size=(N, 1, 1))
    predictor = Neighbors(n_neighbors=3).fit(source, target, source_covariance=covariance)
    predictor._state["noise_weight"] = np.array([1.0])
    sure, unsure = (
        predictor.weights(predictor._units.inputs(source[:5], np.zeros((5, 0)), scale * covariance[:5]))
        for scale in (0.0, 50.0)
    )
    assert (np.square(unsure).sum(axis=1) < np.square(sure).sum(axis=1)).all()


def test_units_fill_the_noise_of_sets_without_covariance():
    z = np.random.default_rng(0).normal(size=(4, E))
    covariance = np.stack([np.eye(E), np.full((E, E), np.nan), 3 * np.eye(E), 2 * np.eye(E)])
    units = Units.of(z, np.zeros((4, 0)), z)
    noise = units.inputs(z, np.zeros((4, 0)), covariance).noise
    np.testing.assert_allclose(noise * units.source_scale**2, [1, 2, 3, 2])


def test_covariate_that_never_varied_changes_nothing():
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


def test_onto_simplex_finds_the_nearest_point():
    values = np.random.default_rng(0).normal(size=(30, 6))
    projected = onto_simplex(values)
    others = np.random.default_rng(1).dirichlet(np.ones(6), size=500)
    np.testing.assert_allclose(projected.sum(axis=1), 1)
    distance = np.linalg.norm(projected - values, axis=1)
    assert (distance <= np.linalg.norm(others[:, None] - values, axis=-1).min(axis=0) + 1e-12).all()
    np.testing.assert_allclose(onto_simplex(others), others)


def test_energy_score_is_that_of_pairs_of_draws():
    rng = np.random.default_rng(0)
    known, truth, weights = rng.normal(size=(5, 2)), rng.normal(size=(3, 2)), rng.dirichlet(np.ones(5), size=3)
    expected = 0.0
    for w, y in zip(weights, truth, strict=True):
        expected += sum(w[i] * np.linalg.norm(known[i] - y) for i in range(5))
        expected -= sum(w[i] * w[j] * np.linalg.norm(known[i] - known[j]) for i in range(5) for j in range(5)) / 2
    assert energy_score(known, truth)(weights) == pytest.approx(expected)


def test_systematic_draws_follow_the_weights_closely():
    weights = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    drawn = systematic_draws(weights, 50, np.random.default_rng(1))
    counts = np.stack([(drawn == column).sum(axis=1) for column in range(4)], axis=1)
    assert np.abs(counts - 50 * weights).max() <= 1


def test_squared_distances_add_the_noise_of_both():
    units = Units.of(np.random.default_rng(0).normal(size=(4, E)), np.zeros((4, 0)), np.ones((4, E)))
    inputs = units.inputs(np.random.default_rng(0).normal(size=(4, E)), np.zeros((4, 0)), np.tile(np.eye(E), (4, 1, 1)))
    plain, noisy = (squared_distances(inputs, inputs, covariate_weight=1, noise_weight=w) for w in (0, 1))
    np.testing.assert_allclose(noisy - plain, inputs.noise[:, None] + inputs.noise)


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


@pytest.mark.parametrize("name", predictors)
def test_predictor_fits_two_pairs_and_one_group(name):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, E)), rng.normal(size=(2, E))
    predictor = predictors[name](**QUICK.get(name, {})).fit(source, target, groups=["a", "a"])
    assert np.isfinite(predictor.mean(source)).all()


def test_predictor_says_what_is_wrong():
    source, target = forked_pairs()
    with pytest.raises(ValueError, match="must have one shape"):
        Ridge().fit(source, target[:5])
    with pytest.raises(ValueError, match="n at least 2, got"):
        Ridge().fit(source[:1], target[:1])
    with pytest.raises(ValueError, match="`source` must be a finite matrix"):
        Ridge().fit(np.where(source > 1, np.nan, source), target)
    with pytest.raises(ValueError, match="`covariates` must have a row for each of 120 sources, got 3"):
        Ridge().fit(source, target, covariates=np.zeros((3, 1)))
    with pytest.raises(RuntimeError, match="must be fitted before"):
        Ridge().mean(source)
    with pytest.raises(ValueError, match="must have 3 and 0 columns as in the fit, got 2 and 0"):
        Ridge().fit(source, target).mean(source[:, :2])
    with pytest.raises(TypeError, match="`relative` must be True, False or None, got 1"):
        Kernel(relative=1)
    with pytest.raises(ValueError, match="`predictor` must be one of"):
        predictors["nobody"]
