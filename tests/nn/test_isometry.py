from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from scgde.metrics import gaussian_wasserstein
from scgde.nn.isometry import GROUNDS, Isometry

SHIFTS = torch.tensor([0.0, 1.0, -2.5, 4.0, 7.0, 7.5])


def shifted_sets():
    """One set at six places on a line: W2 is the distance of the places, in every direction."""
    x = torch.randn(1, 30, 1) + SHIFTS[:, None, None]
    return x, torch.full(x.shape[:2], 1 / 30)


@pytest.fixture(params=GROUNDS)
def isometry(request):
    return Isometry(ground=request.param)


def embedding_of(places):
    return torch.stack([0.6 * places, 0.8 * places], dim=1)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_misfit_is_zero_when_latent_distance_is_scaled_w2(isometry, scale):
    isometry.log_scale.data.fill_(math.log(scale))
    assert isometry(embedding_of(SHIFTS / scale), *shifted_sets()).item() < 1e-5


@pytest.mark.parametrize("n_features", [2, 16, 100])
def test_misfit_is_zero_in_any_number_of_features_when_latent_distance_is_w2(n_features):
    # A shift by v changes sliced W2 by |v| / sqrt(G), and W2 by |v|.
    direction = torch.randn(n_features)
    x = torch.randn(1, 30, n_features) + SHIFTS[:, None, None] * direction / direction.norm()
    misfit = Isometry(n_directions=4096)(embedding_of(SHIFTS), x, torch.full(x.shape[:2], 1 / 30))
    assert misfit.item() < 0.01


def test_misfit_is_relative_to_the_distances(isometry):
    # Without any latent distance, the misfit is all of the distance.
    assert isometry(torch.zeros(6, 2), *shifted_sets()).item() == pytest.approx(1, abs=1e-3)


def test_misfit_grows_with_distortion(isometry):
    sets = shifted_sets()
    values = [isometry(embedding_of(SHIFTS * factor), *sets).item() for factor in (1.0, 1.1, 1.5, 2.0)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1, rel=1e-3)


def test_scale_is_learnt():
    isometry, sets, embedding = Isometry(), shifted_sets(), embedding_of(SHIFTS / 3)
    optimizer = torch.optim.Adam(isometry.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        isometry(embedding, *sets).backward()
        optimizer.step()
    assert isometry.log_scale.exp().item() == pytest.approx(3, rel=0.01)


def test_misfit_ignores_padding(isometry):
    x, weights = shifted_sets()
    padded = torch.cat([x, torch.full((6, 4, 1), 1e6)], dim=1), torch.cat([weights, torch.zeros(6, 4)], dim=1)
    embedding = torch.randn(6, 2)
    torch.testing.assert_close(isometry(embedding, *padded), isometry(embedding, x, weights), rtol=1e-4, atol=0)


@pytest.mark.parametrize("all_same", [False, True])
def test_gradient_is_finite_when_sets_are_identical(isometry, all_same):
    x, weights = shifted_sets()
    x, embedding = x[[0] * 6 if all_same else [0, 0, 1, 1, 2, 2]], torch.ones(6, 2, requires_grad=True)
    isometry(embedding, x, weights).backward()
    assert embedding.grad.isfinite().all()
    assert isometry.log_scale.grad.isfinite()


@pytest.mark.parametrize("n_sets", [1, 2, 3])
def test_misfit_of_few_sets_is_finite(isometry, n_sets):
    x, weights = (part[:n_sets] for part in shifted_sets())
    misfit = isometry(torch.randn(n_sets, 2, requires_grad=True), x, weights)
    misfit.backward()
    assert misfit.shape == ()
    assert misfit.isfinite()


def test_sinkhorn_ground_tells_sets_apart_that_differ_in_shape_alone():
    x = torch.tensor([0.5, 1.0, 2.0, 3.0])[:, None, None] * torch.randn(1, 40, 2)
    weights = torch.full((4, 40), 1 / 40)
    # W2 between a cloud and its multiple is the difference of the factors times its size.
    size = x[1].square().sum(-1).mean().sqrt()
    target = Isometry(ground="sinkhorn")._sinkhorn(x, weights, range(1, 2))[0]
    expected = size * torch.tensor([2.5, 0.5, 1.0, 1.0])
    torch.testing.assert_close(target, expected, rtol=0.1, atol=0)


def test_sinkhorn_ground_sees_some_cells_and_never_those_of_weight_zero():
    x, weights = torch.cat([torch.randn(5, 40, 1), torch.full((5, 40, 1), 1e6)], dim=1), torch.zeros(5, 80)
    weights[:, :40] = 1 / 40
    target = Isometry(ground="sinkhorn", n_cells=30)._sinkhorn(x, weights, range(1, 3))
    assert target.shape == (2, 5)
    assert target.max() < 2


def test_isometry_refuses_an_unknown_ground():
    with pytest.raises(ValueError, match=r"`ground` must be one of \['sliced', 'sinkhorn', 'gaussian'\], got 'exact'"):
        Isometry(ground="exact")


def gaussian_sets(n_features, *, n_common=0):
    """Eight sets that differ in location and shape, and in nothing along ``n_common`` wide coordinates in front."""
    center, scale = torch.randn(8, 1, n_features), 0.5 + torch.rand(8, 1, n_features)
    x = torch.cat([30 * torch.randn(8, 400, n_common), center + scale * torch.randn(8, 400, n_features)], dim=-1)
    return x, torch.full(x.shape[:2], 1 / 400)


def test_gaussian_ground_is_w2_between_gaussians_with_the_moments_of_the_sets():
    x, weights = gaussian_sets(3)
    found = Isometry(ground="gaussian")._gaussian(x, weights, range(1, 3))
    mean, covariance = x.mean(1).numpy(), np.stack([np.cov(one.T.numpy(), bias=True) for one in x])
    for row, shift in zip(found, range(1, 3), strict=True):
        expected = gaussian_wasserstein(mean, covariance, np.roll(mean, shift, 0), np.roll(covariance, shift, 0))
        np.testing.assert_allclose(row, expected, rtol=1e-3)


def test_what_all_sets_vary_in_alike_has_no_part_in_the_gaussian_ground():
    x, weights = gaussian_sets(2, n_common=3)
    isometry = Isometry(ground="gaussian", n_coordinates=5)
    isometry.fit([(x, weights)])
    found, without = isometry._gaussian(x, weights, range(1, 5)), Isometry(ground="gaussian")
    own = without._gaussian(x[..., 3:], weights, range(1, 5))
    assert torch.corrcoef(torch.stack([found.flatten(), own.flatten()]))[0, 1] > 0.9
    of_all = without._gaussian(x, weights, range(1, 5))
    assert torch.corrcoef(torch.stack([of_all.flatten(), own.flatten()]))[0, 1] < 0.7


def test_cells_of_weight_zero_have_no_part_in_the_gaussian_ground():
    x, weights = gaussian_sets(3)
    padded = torch.cat([x, torch.full((8, 5, 3), float("nan"))], dim=1)
    isometry, embedding = Isometry(ground="gaussian"), torch.randn(8, 2)
    with_padding = isometry(embedding, padded, torch.nn.functional.pad(weights, (0, 5)))
    torch.testing.assert_close(with_padding, isometry(embedding, x, weights))


def test_too_many_coordinates_for_a_covariance_are_refused():
    with pytest.raises(ValueError, match="at most 1,024 coordinates of a cell, got 2,000"):
        Isometry(ground="gaussian", n_coordinates=2000)
