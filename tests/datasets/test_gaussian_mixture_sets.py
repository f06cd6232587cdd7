from __future__ import annotations

import numpy as np

from scgde import datasets


def test_gaussian_mixture_sets_cells_have_the_true_moments():
    n_sets, n_cells, d, k = 20, 4000, 2, 3
    adata = datasets.gaussian_mixture_sets(n_sets, n_cells, d, n_components=k)
    truth = adata.uns["truth"]
    np.testing.assert_allclose(truth["weight"].sum(axis=1), 1)
    mean = np.einsum("sk,ski->si", truth["weight"], truth["mean"])
    deviation = truth["mean"] - mean[:, None]
    spread = truth["covariance"] + np.einsum("ski,skj->skij", deviation, deviation)
    covariance = np.einsum("sk,skij->sij", truth["weight"], spread)

    x = adata.X.reshape(n_sets, n_cells, d)
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert (np.abs(x.mean(axis=1) - mean) < 5 * sd / np.sqrt(n_cells)).all()
    empirical = np.stack([np.cov(points.T) for points in x])
    np.testing.assert_allclose(empirical, covariance, atol=0.25)


def test_gaussian_mixture_sets_component_of_a_cell_is_its_own():
    adata = datasets.gaussian_mixture_sets(20, 2000, 2, n_components=2)
    truth, component = adata.uns["truth"], adata.obs["component"].cat.codes.to_numpy()
    set_code = adata.obs["set"].cat.codes.to_numpy()
    share = np.bincount(set_code, weights=component, minlength=20) / 2000
    np.testing.assert_allclose(share, truth["weight"][:, 1], atol=5 * 0.5 / np.sqrt(2000))
    centered = adata.X - truth["mean"][set_code, component]
    inverse = np.linalg.inv(truth["covariance"])[set_code, component]
    mahalanobis = np.einsum("ni,nij,nj->n", centered, inverse, centered)
    # Chi-squared with two degrees of freedom: mean 2, variance 4.
    assert abs(mahalanobis.mean() - 2) < 5 * 2 / np.sqrt(adata.n_obs)
