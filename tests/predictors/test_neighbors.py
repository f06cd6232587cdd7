from __future__ import annotations

import numpy as np

from scgde.predictors import Neighbors

N, E = 120, 3


def test_neighbors_looks_farther_for_a_noisy_source(forked_pairs):
    source, target = forked_pairs()
    rng = np.random.default_rng(0)
    covariance = np.eye(E) * rng.uniform(0.01, 2, size=(N, 1, 1))
    predictor = Neighbors(n_neighbors=3).fit(source, target, source_covariance=covariance)
    predictor.chosen["noise_weight"] = 1.0
    sure, unsure = (
        predictor.weights(predictor.scaling.inputs(source[:5], np.zeros((5, 0)), scale * covariance[:5]))
        for scale in (0.0, 50.0)
    )
    assert (np.square(unsure).sum(axis=1) < np.square(sure).sum(axis=1)).all()
