from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets

SIMULATORS = {
    "gaussian_sets": {"n_sets": 5, "n_cells": (2, 6)},
    "gaussian_mixture_sets": {"n_sets": 5, "n_cells": (2, 6)},
    "multinomial_sets": {"n_sets": 5, "n_cells": (2, 6)},
    "cohort": {"n_donors": 5, "n_genes": 20, "n_cells": (2, 6)},
    "clones": {"n_clones": 10},
}


def _dense(adata):
    return np.asarray(adata.X.todense()) if hasattr(adata.X, "todense") else adata.X


@pytest.fixture(params=SIMULATORS)
def simulate(request):
    return lambda **choices: getattr(datasets, request.param)(**SIMULATORS[request.param] | choices)


def test_simulator_is_a_function_of_the_seed(simulate):
    first, second, other = simulate(seed=3), simulate(seed=3), simulate(seed=4)
    np.testing.assert_array_equal(_dense(first), _dense(second))
    pd.testing.assert_frame_equal(first.obs, second.obs)
    assert first.shape != other.shape or not np.array_equal(_dense(first), _dense(other))


def test_simulator_returns_float32_and_unique_names(simulate):
    adata = simulate()
    assert adata.X.dtype == np.float32
    assert adata.obs_names.is_unique
    assert adata.var_names.is_unique
    assert np.isfinite(_dense(adata)).all()


def test_simulator_survives_a_round_trip(simulate, round_trip):
    adata = simulate()
    read = round_trip(adata)
    np.testing.assert_array_equal(_dense(read), _dense(adata))
    pd.testing.assert_frame_equal(read.obs, adata.obs)
    assert type(read.uns["truth"]) is type(adata.uns["truth"])


def test_simulator_raises_when_the_seed_is_no_number(simulate):
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        simulate(seed=None)


@pytest.mark.parametrize("name", ["gaussian_sets", "gaussian_mixture_sets", "multinomial_sets"])
def test_simulator_draws_ragged_sets_within_the_range(name):
    adata = getattr(datasets, name)(n_sets=200, n_cells=(3, 5))
    sizes = adata.obs["set"].value_counts()
    assert set(sizes) == {3, 4, 5}
    assert len(sizes) == 200


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ({"n_sets": 0}, ValueError, "`n_sets` must be at least 1"),
        ({"n_cells": (5, 3)}, ValueError, "`n_cells` must be a number or a range"),
        ({"n_cells": 0}, ValueError, "`n_cells` must be at least 1"),
        ({"n_features": 0}, ValueError, "`n_features` must be at least 1"),
        ({"df": 0.5}, ValueError, "`df` must be greater than `n_features - 1` = 1"),
        ({"low": 2, "high": 1}, ValueError, "`low` and `high` must be finite and in increasing order"),
        ({"prior": "wishart"}, ValueError, r"`prior` must be one of \['balanced', 'inverse_wishart'\]"),
    ],
)
def test_gaussian_sets_raises_when_arguments_are_wrong(choices, error, message):
    with pytest.raises(error, match=message):
        datasets.gaussian_sets(**choices)
