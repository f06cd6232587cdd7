from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scgde.predictors import PREDICTORS, Predictor

if TYPE_CHECKING:
    from collections.abc import Callable

#: Pairs, and dimensions of an embedding.
N, E = 120, 3
QUICK: dict[str, dict[str, Any]] = {"mlp": {"max_steps": 200}, "flow": {"max_steps": 300, "n_hidden": 32}}


def make_forked_pairs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sources with two fates each: +4 or -4 along the first axis, the rest a linear map of the source."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(N, E))
    target = source @ np.diag([0.0, 1.0, -1.0]) + 0.05 * rng.normal(size=(N, E))
    target[:, 0] += 4 * rng.choice([-1, 1], size=N)
    return source, target


@pytest.fixture(scope="session")
def forked_pairs() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Make pairs of sources with two fates each, shape ``(120, 3)``."""
    return make_forked_pairs


@pytest.fixture(scope="session")
def quick() -> dict[str, dict[str, Any]]:
    """Options, by predictor, of a fit that takes well under a second."""
    return QUICK


@pytest.fixture(scope="session")
def fitted() -> dict[str, Predictor]:
    """Each predictor, fitted to such pairs with one covariate, not to be changed."""
    source, target = make_forked_pairs()
    time = np.arange(N)[:, None] % 3.0
    return {
        name: PREDICTORS[name](**QUICK.get(name, {})).fit(source, target, covariates=time, seed=0)
        for name in PREDICTORS
    }
