from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn.influence import influence
from scgde.nn.linear_core import LinearCore, default_n_latent, n_core
from scgde.nn.moments import Moments, matrix_root


def gaussian_sets(n_sets, n_features, n_cells=400, seed=0):
    """Cells ``(n_sets, n_cells, n_features)`` whose means, widths and rotations differ, and equal weights."""
    rng = torch.Generator().manual_seed(seed)
    mean = torch.randn(n_sets, 1, n_features, generator=rng)
    factor = 0.5 * torch.randn(n_sets, n_features, n_features, generator=rng) / n_features**0.5
    x = mean + torch.randn(n_sets, n_cells, n_features, generator=rng) @ (factor + 0.3 * torch.eye(n_features))
    return x, torch.full((n_sets, n_cells), 1 / n_cells)


def fitted(n_features, n_output=None, n_sets=12, **options):
    x, weights = gaussian_sets(n_sets, n_features, **options)
    core = LinearCore(n_features, Moments(n_features).n_output if n_output is None else n_output)
    core.fit(iter(x), [(x, weights)])
    return core, x, weights


@pytest.mark.parametrize(("n_features", "n_output"), [(1, 2), (5, 20), (14, 20), (60, 90)])
def test_influence_in_closed_form_is_that_by_derivatives_in_the_weights(n_features, n_output):
    core, x, weights = fitted(n_features, n_output)
    core, x, weights = core.double(), x.double(), weights.double()
    torch.testing.assert_close(core.influence(x, weights), influence(core, x, weights))


@pytest.mark.parametrize(("n_features", "expected"), [(1, 2), (2, 5), (12, 90), (13, 26), (50, 100), (200, 100)])
def test_moments_are_mean_and_root_or_mean_and_widths(n_features, expected):
    assert Moments(n_features).n_output == expected


@pytest.mark.parametrize("n_features", [1, 2, 5, 20, 60])
def test_frame_standardises_each_set(n_features):
    core, x, weights = fitted(n_features)
    inside = core.frame(core(x, weights)).inside(x)
    along = (inside @ core.moments.axes).double()
    # Shrunk by the noise of means of 400 cells.
    torch.testing.assert_close(along.mean(1), torch.zeros_like(along.mean(1)), atol=0.02, rtol=0)
    # The floor of the widths keeps them below one.
    variance = along.var(1, correction=0)
    assert (variance <= 1 + 1e-4).all()
    assert variance.median() > 0.7


@pytest.mark.parametrize("n_features", [1, 3, 20, 60])
def test_outside_is_the_inverse_of_inside(n_features):
    core, x, weights = fitted(n_features)
    frame = core.frame(core(x, weights))
    torch.testing.assert_close(frame.outside(frame.inside(x)), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_units_and_place_of_the_cells_do_not_matter(scale):
    x, weights = gaussian_sets(8, 3)
    core = LinearCore(3, 9)
    core.fit(iter(x), [(x, weights)])
    other = LinearCore(3, 9)
    moved = scale * (x + 7)
    other.fit(iter(moved), [(moved, weights)])
    torch.testing.assert_close(other(moved, weights), core(x, weights), atol=5e-3, rtol=0)


def test_distance_of_all_moments_is_wasserstein_of_gaussians_that_commute():
    """Axis-aligned Gaussians: W2^2 is the squared difference of means and of standard deviations."""
    rng = np.random.default_rng(0)
    sd, mean = rng.uniform(1.0, 3.0, (6, 3)), rng.normal(size=(6, 3))
    # Exact quantiles of each feature, on a grid, so that the empirical covariance is diagonal.
    grid = torch.tensor([-1.0, 1.0])
    corners = torch.cartesian_prod(grid, grid, grid)
    x = torch.tensor(mean, dtype=torch.float32)[:, None] + corners * torch.tensor(sd, dtype=torch.float32)[:, None]
    weights = torch.full((6, 8), 1 / 8)
    core = LinearCore(3, 9)
    core.fit(iter(x), [(x, weights)])
    z = core(x, weights).double() * core.scale * core.moments.unit
    exact = np.sqrt(((mean[:, None] - mean) ** 2 + (sd[:, None] - sd) ** 2).sum(-1))
    np.testing.assert_allclose(torch.cdist(z, z).numpy(), exact, atol=0.02)


def test_core_depends_on_the_measure_only():
    core, x, weights = fitted(4)
    twice = torch.cat([x, x], dim=1)
    torch.testing.assert_close(
        core(twice, torch.cat([weights, weights], dim=1) / 2), core(x, weights), atol=1e-4, rtol=0
    )
    padded = torch.cat([x, torch.full_like(x[:, :3], 50.0)], dim=1)
    zero = torch.cat([weights, torch.zeros_like(weights[:, :3])], dim=1)
    torch.testing.assert_close(core(padded, zero), core(x, weights), atol=1e-4, rtol=0)


@pytest.mark.parametrize("n_cells", [1, 2, 3])
def test_influence_of_tiny_sets_is_finite(n_cells):
    """Their covariances have tied eigenvalues, at which the derivative of eigenvectors is not defined."""
    core, x, _ = fitted(5)
    few = x[:, :n_cells]
    assert influence(core, few, torch.full(few.shape[:2], 1 / n_cells)).isfinite().all()


def test_derivative_of_the_root_is_exact():
    rng = torch.Generator().manual_seed(0)
    factor = torch.randn(3, 4, 4, generator=rng, dtype=torch.float64)
    matrix = factor @ factor.mT + 0.1 * torch.eye(4, dtype=torch.float64)
    tied = 2.0 * torch.eye(4, dtype=torch.float64)[None]

    def symmetric_root(a):
        return matrix_root(0.5 * (a + a.mT))

    for a in (matrix, tied):
        torch.testing.assert_close(symmetric_root(a) @ symmetric_root(a), a)
        assert torch.autograd.gradcheck(symmetric_root, a.clone().requires_grad_())


def test_fewer_dimensions_keep_the_directions_in_which_sets_differ():
    """Sets that differ in one feature only: one dimension tells them apart as well as all do."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(10, 300, 4, generator=rng)
    x[:, :, 2] += torch.arange(10.0)[:, None]
    weights = torch.full((10, 300), 1 / 300)
    core = LinearCore(4, 1)
    core.fit(iter(x), [(x, weights)])
    order = core(x, weights)[:, 0].argsort()
    assert order.tolist() in (list(range(10)), list(range(9, -1, -1)))


@pytest.mark.parametrize("n_features", [1, 2, 10, 20, 50, 300])
def test_default_dimensions_have_room_for_all_moments_and_a_network(n_features):
    n_latent, n_moments = default_n_latent(n_features), Moments(n_features).n_output
    assert n_latent >= 32
    assert n_core(n_features, n_latent) == n_moments
    assert n_latent - n_moments >= 16


@pytest.mark.parametrize("n_latent", [1, 2, 3, 8, 32])
def test_a_network_has_a_dimension_in_any_case(n_latent):
    assert 0 <= n_core(20, n_latent) < n_latent


def test_a_set_far_from_all_training_sets_keeps_its_place():
    core, x, weights = fitted(3)
    far = x[:1] + 20
    frame = core.frame(core(far, weights[:1]))
    noise = (far[0].var(0) / far.shape[1]).sqrt().norm()
    assert (frame.mean[0] - far[0].mean(0)).norm() < 4 * noise


@pytest.mark.parametrize("n_features", [3, 20])
def test_frame_of_tiny_sets_that_do_not_differ_is_that_of_all_cells(n_features):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(300, 3, n_features, generator=rng) * torch.linspace(0.5, 2, n_features)
    core = LinearCore(n_features, Moments(n_features).n_output)
    weights = torch.full(x.shape[:2], 1 / 3)
    core.fit(iter(x), [(x, weights)])
    assert core.reliability.mean() < 0.25
    inside = core.frame(core(x, weights)).inside(x).flatten(0, 1)
    torch.testing.assert_close(inside.mean(0), torch.zeros(n_features), atol=0.1, rtol=0)
    torch.testing.assert_close(inside.std(0), torch.ones(n_features), atol=0.2, rtol=0)
    own = core.moments.frame(core.moments(x, weights)).inside(x).flatten(0, 1)
    assert own.square().mean() < 0.9  # in its own frame each set is too narrow


@pytest.mark.parametrize("n_features", [3, 20])
def test_sets_of_one_cell_have_the_frame_of_all_cells(n_features):
    x = torch.randn(200, 1, n_features, generator=torch.Generator().manual_seed(0)) * 2 + 1
    core = LinearCore(n_features, Moments(n_features).n_output)
    core.fit(iter(x), [(x, torch.ones(200, 1))])
    frame = core.frame(core(x, torch.ones(200, 1)))
    inside = frame.inside(x)[:, 0]
    torch.testing.assert_close(inside.mean(0), torch.zeros(n_features), atol=1e-3, rtol=0)
    torch.testing.assert_close(inside.std(0, correction=0), torch.ones(n_features), atol=0.02, rtol=0)


def test_fit_gives_the_coordinates_of_the_sets_that_it_saw():
    x, weights = gaussian_sets(12, 5)
    core = LinearCore(5, Moments(5).n_output)
    coordinates = core.fit(iter(x), [(x[:7], weights[:7]), (x[7:], weights[7:])])
    torch.testing.assert_close(coordinates, core(x, weights), atol=1e-4, rtol=1e-4)


def near_sets(n_cells):
    """Core of sets whose means differ by less than their cells do, and coordinates of these sets."""
    rng = torch.Generator().manual_seed(0)
    x = 0.5 * torch.randn(40, 1, 20, generator=rng) + torch.randn(40, n_cells, 20, generator=rng)
    core = LinearCore(20, 40)
    return core, core.fit(iter(x), [(x, torch.full((40, n_cells), 1 / n_cells))])


def noise_over_signal(core, coordinates):
    variance = coordinates.double().var(0, correction=0)
    signal = (core.reliability * variance).sum()
    return float((variance.sum() - signal) / signal)


def test_dimensions_count_by_their_squared_reliability_where_noise_is_as_large_as_the_signal():
    x = torch.randn(40, 4, 20, generator=torch.Generator().manual_seed(0))
    core = LinearCore(20, 40)
    coordinates = core.fit(iter(x), [(x, torch.full((40, 4), 0.25))])
    assert noise_over_signal(core, coordinates) > 1
    counted = core.by_importance(torch.ones(3, 44))
    torch.testing.assert_close(counted[0, :40], core.reliability**2)
    torch.testing.assert_close(counted[:, 40:], (core.reliability**2).mean().expand(3, 4))


def test_dimensions_count_the_more_the_less_noise_there_is():
    few, many = (near_sets(n_cells)[0] for n_cells in (20, 1000))
    assert few.importance.min() < 0.99
    assert torch.equal(many.importance, torch.ones(40))


def test_importance_falls_with_noise_relative_to_the_signal():
    core, coordinates = near_sets(20)
    ratio = noise_over_signal(core, coordinates)
    assert 0.1 < ratio < 1
    expected = 1 - (ratio - 0.1) / 0.9 * (1 - core.reliability**2)
    torch.testing.assert_close(core.importance, expected, atol=1e-4, rtol=0)


def test_of_many_sets_all_dimensions_count():
    core, _, _ = fitted(20, n_sets=2500, n_cells=4)
    assert core.reliability.mean() < 0.9
    assert core.importance.min() > 0.98


@pytest.mark.parametrize("n_cells", [20, 400])
def test_axes_of_many_genes_are_those_in_which_cells_differ_most(n_cells):
    """More genes than a covariance is formed of, and once fewer cells than axes."""
    rng = torch.Generator().manual_seed(0)
    x = 0.01 * torch.randn(2, n_cells, 2500, generator=rng)
    x[:, :, 7] += 5 * torch.randn(2, n_cells, generator=rng)
    core = LinearCore(2500, 100)
    weights = torch.full(x.shape[:2], 1 / n_cells)
    core.fit(iter(x), [(x, weights)])
    assert core.moments.axes[7, 0] > 0.99
    frame = core.frame(core(x, weights))
    torch.testing.assert_close(frame.outside(frame.inside(x)), x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("n_features", [4, 20])
def test_a_frame_half_way_lies_between_both(n_features):
    core = LinearCore(n_features, LinearCore(n_features, 1).moments.n_output)
    rng = torch.Generator().manual_seed(0)
    near, far = (core.frame(0.3 * torch.randn(2, core.n_output, generator=rng)) for _ in range(2))
    x = torch.randn(2, 30, n_features, generator=rng)
    for time, frame in ((0.0, near), (1.0, far)):
        torch.testing.assert_close(near.towards(far, time).outside(x), frame.outside(x))
    # Of one standardised cell, straight lines between its images: the optimal map where covariances commute.
    half = near.towards(far, 0.5).outside(x)
    torch.testing.assert_close(half, 0.5 * (near.outside(x) + far.outside(x)), atol=1e-5, rtol=1e-4)
