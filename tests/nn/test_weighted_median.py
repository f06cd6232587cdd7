from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn import weighted_median as module
from scgde.nn.encoders import ENCODERS
from scgde.nn.weighted_median import weighted_median


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def equal(n_sets: int, n_cells: int) -> torch.Tensor:
    return torch.full((n_sets, n_cells), 1 / n_cells)


@pytest.mark.parametrize("n_cells", [1, 2, 49, 50, 5000])
def test_weighted_median_is_the_median_for_equal_weights(n_cells: int) -> None:
    x = draw(2, n_cells, 3)
    expected = np.median(x.double().numpy(), axis=1)
    np.testing.assert_allclose(weighted_median(x, equal(2, n_cells)).numpy(), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n_cells", [1, 6, 7, 50])
def test_weighted_median_is_the_median_of_repeated_cells(n_cells: int) -> None:
    x = draw(1, n_cells, 3)
    counts = torch.randint(0, 6, (n_cells,), generator=torch.Generator().manual_seed(1))
    counts[0] += 1
    weights = (counts / counts.sum())[None, :]
    expected = np.median(x[0].repeat_interleave(counts, dim=0).double().numpy(), axis=0)
    np.testing.assert_allclose(weighted_median(x, weights)[0].numpy(), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n_copies", [2, 7])
@pytest.mark.parametrize("n_cells", [1, 2, 50, 5000])
def test_weighted_median_stays_exactly_when_cells_are_repeated_and_permuted(n_cells: int, n_copies: int) -> None:
    x, order = (
        draw(1, n_cells, 3),
        torch.randperm(n_cells * n_copies, generator=torch.Generator().manual_seed(1)),
    )
    repeated = x.repeat(1, n_copies, 1)[:, order]
    assert torch.equal(weighted_median(repeated, equal(1, n_cells * n_copies)), weighted_median(x, equal(1, n_cells)))


def test_weighted_median_never_lands_on_a_cell_of_weight_zero() -> None:
    x, weights = torch.tensor([[[0.0], [1.0], [5.0], [9.0]]]), torch.tensor([[0.5, 0.0, 0.0, 0.5]])
    assert weighted_median(x, weights).item() == 4.5


def test_weighted_median_is_the_same_feature_by_feature(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weights = draw(2, 30, 5), draw(2, 30).softmax(-1)
    whole = weighted_median(x, weights)
    monkeypatch.setattr(module, "_MAX_SORTED", 1)
    assert torch.equal(weighted_median(x, weights), whole)


def test_weighted_median_sends_its_gradient_to_the_middle_cells() -> None:
    x = torch.tensor([[[3.0], [1.0], [2.0], [8.0]]], requires_grad=True)
    weighted_median(x, equal(1, 4)).sum().backward()
    assert x.grad.flatten().tolist() == [0.5, 0.0, 0.5, 0.0]


def test_median_gnn_alone_is_not_smooth() -> None:
    assert [name for name in ENCODERS if not ENCODERS[name].is_smooth] == ["median_gnn"]


def test_median_gnn_does_not_move_with_an_outlier() -> None:
    encoder = ENCODERS["median_gnn"](2, 3, n_hidden=16, n_layers=0)
    x = draw(1, 11, 2)
    far = x.clone()
    far[:, 0] = 1e3 * x[:, 0]
    further = x.clone()
    further[:, 0] = 1e4 * x[:, 0]
    torch.testing.assert_close(encoder(far, equal(1, 11)), encoder(further, equal(1, 11)))
