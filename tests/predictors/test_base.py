from __future__ import annotations

import numpy as np
import pytest

from scgde.predictors import PREDICTORS, DisplacementPredictor, Kernel, Predictor, Ridge, make_predictor

N, E = 120, 3
#: What they predict depends on covariates alone: `test_displacement.py`.
OF_SOURCES = [name for name in PREDICTORS if not issubclass(PREDICTORS[name], DisplacementPredictor)]


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_draws_and_means_have_the_shapes_promised(fitted, name, forked_pairs):
    source, time = forked_pairs(1)[0][:7], np.zeros((7, 1))
    draws = fitted[name].draw(source, covariates=time, n_draws=5, rng=np.random.default_rng(0))
    mean = fitted[name].mean(source, covariates=time)
    assert draws.shape == (7, 5, E)
    assert mean.shape == (7, E)
    assert draws.dtype == mean.dtype == np.float32
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_repeats_for_a_seed(fitted, name, forked_pairs):
    source, time = forked_pairs(1)[0][:4], np.zeros((4, 1))
    first, again = (
        fitted[name].draw(source, covariates=time, n_draws=6, rng=np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_survives_storage(fitted, name, forked_pairs):
    config, arrays = fitted[name].to_stored()
    again = PREDICTORS[config["name"]].from_stored(config, {key: value.copy() for key, value in arrays.items()})
    source, time = forked_pairs(2)[0][:4], np.ones((4, 1))
    np.testing.assert_array_equal(again.mean(source, covariates=time), fitted[name].mean(source, covariates=time))
    assert again.in_support(source, covariates=time).all()


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_tells_new_sources_from_those_seen(fitted, name, forked_pairs):
    source, time = forked_pairs(2)[0], np.ones((N, 1))
    assert fitted[name].in_support(source, covariates=time).mean() > 0.8
    assert not fitted[name].in_support(source + 20, covariates=time).any()
    assert not fitted[name].in_support(source, covariates=time + 20).any()


@pytest.mark.parametrize("name", OF_SOURCES)
def test_predictor_means_beat_the_mean_of_all_targets(fitted, name, forked_pairs):
    source, target = forked_pairs(5)
    error = np.square(fitted[name].mean(source, covariates=np.ones((N, 1))) - target)[:, 1:].mean()
    assert error < 0.5 * target[:, 1:].var(axis=0).mean()


@pytest.mark.parametrize("name", ["kernel", "neighbors", "flow"])
def test_stochastic_predictor_keeps_two_fates_apart(fitted, name, forked_pairs):
    source = forked_pairs(5)[0][:20]
    draws = fitted[name].draw(source, covariates=np.ones((20, 1)), n_draws=40, rng=np.random.default_rng(0))[..., 0]
    assert (np.abs(draws) > 2).mean() > 0.7
    assert 0.2 < (draws > 0).mean() < 0.8


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_fits_two_pairs_and_one_group(name, quick):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, E)), rng.normal(size=(2, E))
    predictor = PREDICTORS[name](**quick.get(name, {})).fit(source, target, groups=["a", "a"])
    assert np.isfinite(predictor.mean(source)).all()


def test_predictor_says_what_is_wrong(forked_pairs):
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
        PREDICTORS["nobody"]


@pytest.mark.parametrize("name", PREDICTORS)
def test_predictor_is_final_and_documented(name):
    cls = PREDICTORS[name]
    assert issubclass(cls, Predictor)
    assert not cls.__abstractmethods__
    assert "Parameters\n" in cls.__doc__
    assert not any(issubclass(cls, PREDICTORS[other]) for other in PREDICTORS if other != name)
    assert name in repr(PREDICTORS)


@pytest.mark.parametrize("name", PREDICTORS)
def test_what_was_chosen_is_numbers_and_stored(fitted, name):
    assert all(type(value) is float for value in fitted[name].chosen.values())
    assert PREDICTORS[name].from_stored(*fitted[name].to_stored()).chosen == fitted[name].chosen


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("kernel", {"relative", "residuals", "penalty", "covariate_weight", "noise_weight", "shrinkage"}),
        ("neighbors", {"relative", "n_neighbors", "covariate_weight", "noise_weight"}),
        ("ridge", {"alpha"}),
        ("mlp", set()),
        ("flow", set()),
    ],
)
def test_what_was_chosen_is_reported_and_nothing_else(fitted, name, chosen):
    of_residuals = {"linear_weight", "mean_penalty"} if fitted[name].chosen.get("residuals") else set()
    assert set(fitted[name].chosen) == chosen | of_residuals


@pytest.mark.parametrize("name", ["mlp", "flow"])
def test_biases_of_a_network_for_one_dimension_are_not_reported_as_chosen(name, quick, forked_pairs):
    source, target = (part[:, :1] for part in forked_pairs())
    predictor = PREDICTORS[name](**quick[name]).fit(source, target)
    assert predictor.chosen == {}
    assert not predictor.uses_covariance


def test_standard_errors_are_used_where_cross_validation_chose_so(forked_pairs):
    source, target = forked_pairs()
    kernel = Kernel()
    assert not kernel.uses_covariance
    kernel.fit(source, target, source_covariance=np.tile(np.eye(E), (N, 1, 1)))
    assert kernel.uses_covariance == (kernel.chosen["noise_weight"] > 0)
    assert not Ridge().fit(source, target, source_covariance=np.tile(np.eye(E), (N, 1, 1))).uses_covariance


def test_a_predictor_of_ones_own_has_three_methods(monkeypatch, forked_pairs):
    monkeypatch.setattr(PREDICTORS, "_entries", dict(PREDICTORS._entries))

    @PREDICTORS.register("shift")
    class Shift(Predictor):
        """Every source moves by the mean displacement."""

        def fit_pairs(self, inputs, target, groups, rng):
            self.arrays = {"shift": (target - inputs.source).mean(axis=0)}

        def mean_targets(self, inputs):
            return inputs.source + self.arrays["shift"]

        def draw_targets(self, inputs, n_draws, rng):
            return np.repeat(self.mean_targets(inputs)[:, None], n_draws, axis=1)

    source, _ = forked_pairs()
    predictor = make_predictor("shift", None).fit(source, source + 3)
    np.testing.assert_allclose(predictor.mean(source[:5]), source[:5] + 3, atol=1e-5)
    again = Shift.from_stored(*predictor.to_stored())
    np.testing.assert_array_equal(again.mean(source), predictor.mean(source))


def test_make_predictor_says_which_names_and_options_there_are():
    assert make_predictor(None, None) is None
    assert make_predictor("ridge", {"residuals": True}).options == {"residuals": True}
    with pytest.raises(ValueError, match=r"`predictor` must be one of \['additive', 'effect_ridge', 'flow', 'kernel'"):
        make_predictor("nobody", None)
    with pytest.raises(TypeError, match=r"`predictor_kwargs` must be options of Ridge, got \{'n': 3\}"):
        make_predictor("ridge", {"n": 3})
