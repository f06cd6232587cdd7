"""Gaussians that are read off embeddings, and the flows between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn

from scgde.nn.gaussian_flow import FLOOR, MAX_FULL, Between, FromNoise, Gaussian, GaussianHead
from scgde.nn.solvers import solve

N_SETS, N_CELLS, N_FEATURES, N_EMBED = 3, 400, 4, 5
SIZES = pytest.mark.parametrize("n_features", [1, N_FEATURES, MAX_FULL + 1])


def cells_of_sets(n_features: int = N_FEATURES) -> torch.Tensor:
    rng = np.random.default_rng(0)
    mixing = 0.5 * rng.standard_normal((N_SETS, n_features, n_features))
    place = rng.standard_normal((N_SETS, 1, n_features))
    return torch.tensor(rng.standard_normal((N_SETS, N_CELLS, n_features)) @ mixing + place, dtype=torch.float32)


def uniform(x: torch.Tensor) -> torch.Tensor:
    return torch.full(x.shape[:2], 1 / x.shape[1])


def fitted(x: torch.Tensor, weights: torch.Tensor, n_steps: int = 1000) -> tuple[GaussianHead, torch.Tensor]:
    """A head that has learnt sets of one known embedding each."""
    embedding = torch.randn(len(x), N_EMBED)
    head = GaussianHead(x.shape[-1], N_EMBED)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, n_steps)
    for _ in range(n_steps):
        optimizer.zero_grad()
        head.loss(x, weights, embedding).sum().backward()
        optimizer.step()
        schedule.step()
    return head, embedding


def some_gaussian(n_features: int, n_sets: int = N_SETS) -> Gaussian:
    """Gaussians of a head that is not where it started."""
    head = GaussianHead(n_features, N_EMBED)
    nn.init.normal_(head.network[-1].weight, std=0.5)
    return head(torch.randn(n_sets, N_EMBED))


def covariance(gaussian: Gaussian) -> torch.Tensor:
    return gaussian.power(1.0) if gaussian.axes is not None else torch.diag_embed(gaussian.variance[:, 0])


def flowed(field: FromNoise | Between, x: torch.Tensor) -> torch.Tensor:
    return solve(lambda x, time: field(x, x.new_full(x.shape[:2], time)).velocity, x, n_steps=50, method="rk4")


def test_head_learns_weighted_mean_and_covariance():
    x = cells_of_sets()
    weights = torch.rand(x.shape[:2])
    weights = weights / weights.sum(1, keepdim=True)
    head, embedding = fitted(x, weights)
    gaussian = head(embedding)
    for index in range(N_SETS):
        mean = np.average(x[index], axis=0, weights=weights[index])
        expected = np.cov(x[index].T, aweights=weights[index], ddof=0) + FLOOR * np.eye(N_FEATURES)
        np.testing.assert_allclose(gaussian.mean[index, 0], mean, atol=0.02)
        np.testing.assert_allclose(covariance(gaussian)[index], expected, atol=0.02 * np.trace(expected))


def test_head_has_variances_only_of_many_features():
    x = cells_of_sets(MAX_FULL + 1)
    head, embedding = fitted(x, uniform(x), n_steps=300)
    gaussian = head(embedding)
    assert gaussian.axes is None
    torch.testing.assert_close(gaussian.variance[:, 0], x.var(1, correction=0) + FLOOR, rtol=0.1, atol=0)


def test_loss_is_the_negative_log_likelihood():
    x = cells_of_sets()
    head = GaussianHead(N_FEATURES, N_EMBED)
    nn.init.normal_(head.network[-1].weight, std=0.3)
    embedding = torch.randn(N_SETS, N_EMBED)
    gaussian = head(embedding)
    law = torch.distributions.MultivariateNormal(gaussian.mean, covariance(gaussian)[:, None])
    floor = 0.5 * FLOOR * gaussian.variance.reciprocal().sum((1, 2))
    expected = -law.log_prob(x).mean(1) - 0.5 * N_FEATURES * np.log(2 * np.pi) + floor
    torch.testing.assert_close(head.loss(x, uniform(x), embedding) * N_FEATURES, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("x", [torch.ones(1, 1, N_FEATURES), torch.zeros(1, 5, N_FEATURES)], ids=["one", "alike"])
def test_cells_that_do_not_vary_have_a_finite_loss_and_gradient(x):
    head, embedding = fitted(x, uniform(x), n_steps=300)
    embedding.requires_grad_()
    loss = head.loss(x, uniform(x), embedding).sum()
    (gradient,) = torch.autograd.grad(loss, embedding)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert (head(embedding).variance > 0.5 * FLOOR).all()


def test_no_gradient_passes_through_a_gaussian():
    gaussian = GaussianHead(N_FEATURES, N_EMBED)(torch.randn(N_SETS, N_EMBED, requires_grad=True))
    assert not any(part.requires_grad for part in gaussian)


@SIZES
def test_noise_ends_as_the_gaussian(n_features):
    gaussian = some_gaussian(n_features)
    cells = flowed(FromNoise(gaussian), torch.randn(N_SETS, 4000, n_features))
    spread = covariance(gaussian).diagonal(dim1=1, dim2=2).sum(-1)
    for index in range(N_SETS):
        scale = float(spread[index]) / n_features
        np.testing.assert_allclose(cells[index].mean(0), gaussian.mean[index, 0], atol=0.1 * scale**0.5)
        own = np.cov(cells[index].T).reshape(n_features, n_features)
        assert np.linalg.norm(own - covariance(gaussian)[index].numpy()) < 0.15 * float(spread[index])


@SIZES
def test_cells_move_as_the_optimal_map_says(n_features):
    start, end = some_gaussian(n_features), some_gaussian(n_features)
    x = start.mean + 0.3 * torch.randn(N_SETS, 7, n_features)
    cells = flowed(Between(start, end), x)
    for index in range(N_SETS):
        ends = (covariance(part)[index].double().numpy() for part in (start, end))
        first, last = ends
        root = np.real(sqrtm(first)).reshape(n_features, n_features)
        inverse = np.linalg.inv(root)
        matrix = inverse @ np.real(sqrtm(root @ last @ root)).reshape(n_features, n_features) @ inverse
        expected = (x - start.mean)[index].double().numpy() @ matrix + end.mean[index].double().numpy()
        np.testing.assert_allclose(cells[index], expected, atol=2e-3)


@SIZES
def test_whitened_cells_are_constant_along_an_optimal_map_and_have_variance_1(n_features):
    start, end = some_gaussian(n_features), some_gaussian(n_features)
    noise = torch.randn(N_SETS, 4000, n_features)
    half = start.power(0.5)
    x = start.mean + (noise @ half if start.axes is not None else noise * half)
    field = Between(start, end)
    before, after = (field(at, x.new_full(x.shape[:2], time)).whitened for at, time in ((x, 0), (flowed(field, x), 1)))
    torch.testing.assert_close(before, noise, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(after, noise, rtol=1e-2, atol=1e-2)


@SIZES
def test_a_gaussian_stays_where_it_is(n_features):
    gaussian, x = some_gaussian(n_features), torch.randn(N_SETS, 7, n_features)
    velocity = Between(gaussian, gaussian)(x, torch.rand(N_SETS, 7)).velocity
    torch.testing.assert_close(velocity, torch.zeros_like(x), rtol=0, atol=1e-3)


@SIZES
def test_embeddings_far_out_have_finite_gaussians_losses_and_gradients(n_features):
    head = GaussianHead(n_features, N_EMBED)
    nn.init.normal_(head.network[-1].weight, std=1.0)
    embedding = (1e4 * torch.randn(N_SETS, N_EMBED)).requires_grad_()
    x = 1e3 * torch.randn(N_SETS, 7, n_features)
    loss = head.loss(x, uniform(x), embedding)
    (gradient,) = torch.autograd.grad(loss.sum(), embedding)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()
    gaussian = head(embedding)
    assert Between(gaussian, head(-embedding))(x, torch.rand(N_SETS, 7)).velocity.isfinite().all()
