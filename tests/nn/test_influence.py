from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn.encoders import ENCODERS, Moments
from scgde.nn.influence import embedding_covariance, influence, influence_of_mean

N_INPUT, N_EMBED = 3, 4
SMOOTH = [name for name in ENCODERS if ENCODERS[name].is_smooth]


@pytest.fixture(params=SMOOTH)
def encoder(request, build, shake):
    """A small smooth encoder in double precision, off its initial values."""
    return shake(build(ENCODERS[request.param], N_INPUT, N_EMBED)).double().eval().requires_grad_(False)


@pytest.fixture
def mean():
    """Encoder of which all is known: the mean of the cells."""
    return lambda x, weights: (x * weights[..., None]).sum(1)


def some_sets(n_sets, n_cells):
    return torch.randn(n_sets, n_cells, N_INPUT, dtype=torch.float64)


def uniform(x):
    return torch.full(x.shape[:2], 1 / x.shape[1], dtype=x.dtype)


def covariance_of(encode, x, weights=None):
    weights = uniform(x) if weights is None else weights
    return embedding_covariance(influence(encode, x, weights), weights, torch.full((len(x),), x.shape[1]))


def test_influence_of_the_mean_is_the_centred_cell(mean):
    x = some_sets(2, 20)
    torch.testing.assert_close(influence(mean, x, uniform(x)), x - x.mean(1, keepdim=True))


def test_influence_on_a_variance_is_the_textbook_one():
    moments = Moments(1, 2, project=False).double()
    x = torch.randn(1, 50, 1, dtype=torch.float64)
    centred = x - x.mean()
    expected = torch.cat([centred, centred**2 - (centred**2).mean()], dim=-1)
    torch.testing.assert_close(influence(moments, x, uniform(x)), expected)


def test_influence_of_a_function_of_a_mean_is_its_derivative():
    x, weights = some_sets(3, 12), torch.randn(3, 12).double().softmax(-1)

    def readout(mean):
        return torch.stack([mean[:, 0].exp(), mean.prod(1), mean[:, 2] / mean[:, 1]], dim=1)

    expected = influence(lambda x, weights: readout((x * weights[..., None]).sum(1)), x, weights)
    torch.testing.assert_close(influence_of_mean(readout, x, weights), expected)


def test_influence_has_weighted_mean_zero(encoder):
    x, weights = some_sets(3, 15), torch.randn(3, 15).double().softmax(-1)
    values = influence(encoder, x, weights)
    assert values.shape == (3, 15, N_EMBED)
    assert torch.einsum("sm,sme->se", weights, values).abs().max() < 1e-12


def test_influence_is_the_derivative_as_mass_moves_to_a_cell(encoder):
    x, weights, step = some_sets(1, 8), torch.randn(1, 8).double().softmax(-1), 1e-5
    values = influence(encoder, x, weights)[0]
    for i, toward in enumerate(torch.eye(8, dtype=torch.float64)):
        ahead, behind = (encoder(x, (1 - t) * weights + t * toward) for t in (step, -step))
        torch.testing.assert_close(values[i], (ahead - behind)[0] / (2 * step), rtol=1e-5, atol=1e-8)


def test_influence_is_per_unit_of_mass(encoder):
    x, copies = some_sets(1, 10), torch.randint(1, 5, (10,))
    weights = (copies / copies.sum())[None].double()
    repeated = x.repeat_interleave(copies, dim=1)
    expected = influence(encoder, x, weights).repeat_interleave(copies, dim=1)
    torch.testing.assert_close(influence(encoder, repeated, uniform(repeated)), expected)


def test_influence_ignores_padding(encoder):
    x = some_sets(2, 10)
    padded = torch.cat([x, torch.full((2, 4, N_INPUT), 50.0, dtype=torch.float64)], dim=1)
    weights = torch.cat([uniform(x), torch.zeros(2, 4, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(influence(encoder, padded, weights)[:, :10], influence(encoder, x, uniform(x)))
    torch.testing.assert_close(covariance_of(encoder, padded, weights) * 13 / 9, covariance_of(encoder, x))


def test_influence_leaves_weights_and_gradients_alone(encoder):
    x = some_sets(1, 5)
    weights = uniform(x)
    with torch.no_grad():
        values = influence(encoder, x, weights)
    assert not values.requires_grad
    assert not weights.requires_grad


def test_covariance_of_the_mean_is_that_of_numpy(mean):
    x = some_sets(2, 30)
    expected = np.stack([np.cov(cells.T) / 30 for cells in x.numpy()])
    np.testing.assert_allclose(covariance_of(mean, x), expected)


def test_covariance_is_nan_for_one_cell(encoder):
    x, weights = some_sets(2, 2), torch.tensor([[1.0, 0.0], [0.5, 0.5]]).double()
    covariance = embedding_covariance(influence(encoder, x, weights), weights, torch.tensor([1, 2]))
    assert covariance[0].isnan().all()
    assert covariance[1].isfinite().all()


def test_covariance_agrees_with_the_jackknife(encoder):
    """Leaving out one cell at a time knows nothing of derivatives; the two differ by terms of higher order."""
    x, n = some_sets(1, 100), 100
    left_out = encoder(x.expand(n, -1, -1), (torch.ones(n, n) - torch.eye(n)).double() / (n - 1))
    jackknife = (n - 1) * torch.cov(left_out.T, correction=0)
    error = torch.linalg.norm(covariance_of(encoder, x)[0] - jackknife) / torch.linalg.norm(jackknife)
    assert error < 0.1


def test_covariance_agrees_with_the_bootstrap(encoder):
    x, n, n_draws = some_sets(1, 100), 100, 300
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=n_draws)
    bootstrap = torch.cov(encoder(x.expand(n_draws, -1, -1), torch.from_numpy(counts / n)).T)
    error = torch.linalg.norm(covariance_of(encoder, x)[0] - bootstrap) / torch.linalg.norm(bootstrap)
    assert error < 5 / n_draws**0.5
