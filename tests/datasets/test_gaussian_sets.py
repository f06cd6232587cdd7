from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scgde import datasets


@pytest.mark.parametrize("prior", ["inverse_wishart", "balanced"])
def test_gaussian_sets_cells_have_the_true_moments(prior):
    n_sets, n_cells, d = 40, 2000, 3
    adata = datasets.gaussian_sets(n_sets, n_cells, d, prior=prior)
    mean, covariance = adata.uns["truth"]["mean"], adata.uns["truth"]["covariance"]
    centered = adata.X.reshape(n_sets, n_cells, d) - mean[:, None]
    white = np.linalg.solve(np.linalg.cholesky(covariance)[:, None], centered[..., None])[..., 0]
    # In whitened units each mean has standard error 1 / sqrt(m), each second moment at most sqrt(2 / m).
    assert np.abs(white.mean(axis=1)).max() < 5 / np.sqrt(n_cells)
    second = np.einsum("smi,smj->sij", white, white) / n_cells
    assert np.abs(second - np.eye(d)).max() < 5 * np.sqrt(2 / n_cells)
    assert adata.obs["set"].cat.codes.tolist() == np.repeat(np.arange(n_sets), n_cells).tolist()


def test_gaussian_sets_truth_follows_the_inverse_wishart_prior():
    d, df = 2, 10
    truth = datasets.gaussian_sets(4000, 1, d, df=df, low=1, high=2).uns["truth"]
    np.testing.assert_allclose(truth["covariance"].mean(axis=0), np.eye(d) / (df - d - 1), atol=0.01)
    reference = stats.invwishart(df, np.eye(d)).rvs(4000, random_state=0)
    for statistic in (np.linalg.det, lambda sigma: sigma[:, 0, 0], lambda sigma: sigma[:, 0, 1]):
        assert stats.ks_2samp(statistic(truth["covariance"]), statistic(reference)).pvalue > 1e-3
    assert stats.kstest(truth["mean"].ravel(), stats.uniform(1, 1).cdf).pvalue > 1e-3


def test_gaussian_sets_truth_follows_the_balanced_prior():
    truth = datasets.gaussian_sets(2000, 1, 2, prior="balanced").uns["truth"]
    assert stats.kstest(truth["mean"].ravel(), stats.uniform(-1, 2).cdf).pvalue > 1e-3
    values, vectors = np.linalg.eigh(truth["covariance"])
    sd = np.sqrt(values).ravel()
    assert stats.kstest(sd, stats.uniform(0.2, 1.3).cdf).pvalue > 1e-3
    angle = np.arctan2(vectors[:, 1, 0], vectors[:, 0, 0]) % np.pi
    assert stats.kstest(angle, stats.uniform(0, np.pi).cdf).pvalue > 1e-3
