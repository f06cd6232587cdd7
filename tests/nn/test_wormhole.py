from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.generators import Wormhole


@pytest.fixture
def generator(shake):
    return shake(Wormhole(CellSpec.vectors(2), 3, n_points=10, n_hidden=16, n_layers=1))


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def in_order(cells):
    """Cells of one set sorted by their first feature."""
    return cells[cells[:, 0].argsort()]


@torch.no_grad()
def test_as_many_cells_as_points_are_the_points(generator):
    embedding = torch.randn(4, 3)
    cells, points = generator.sample(embedding, 10, rng=rng()), generator.points(embedding)
    for i in range(4):
        assert torch.equal(in_order(cells[i]), in_order(points[i]))
    assert not torch.equal(cells, points)


@pytest.mark.parametrize("n_cells", [4, 3000])
@torch.no_grad()
def test_cells_are_points_of_their_set_and_all_as_likely(generator, n_cells):
    embedding = torch.randn(2, 3)
    cells, points = generator.sample(embedding, n_cells, rng=rng()), generator.points(embedding)
    same = (cells[:, :, None] == points[:, None]).all(-1)
    assert (same.sum(-1) == 1).all()
    counts = same.sum(1)
    assert counts.max() <= (1 if n_cells == 4 else 1.3 * n_cells / 10)
    assert counts.min() >= (0 if n_cells == 4 else 0.7 * n_cells / 10)


def test_loss_is_zero_when_the_cells_are_the_points(generator):
    embedding = torch.randn(4, 3)
    points = generator.points(embedding)
    loss = generator.loss(points.detach(), torch.full((4, 10), 0.1), embedding)
    torch.testing.assert_close(loss, torch.zeros(4), rtol=0, atol=1e-5)
    # Without the divergence of a set from itself the points would still move.
    loss.sum().backward()
    assert generator.tokens.grad.abs().max() < 1e-4


def test_wormhole_refuses_options_out_of_range():
    with pytest.raises(ValueError, match="`n_points` must be at least 1, got 0"):
        Wormhole(CellSpec.vectors(2), 3, n_points=0)
    with pytest.raises(ValueError, match="`n_hidden` must be a multiple of `n_heads`"):
        Wormhole(CellSpec.vectors(2), 3, n_hidden=10, n_heads=4)
