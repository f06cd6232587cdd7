from __future__ import annotations

import pytest
import torch
from torch import nn

from scgde.nn.encoders import ENCODERS, Encoder, MeanPoolingEncoder
from scgde.nn.layers import mlp

N_INPUT, N_EMBED = 3, 4
SIZES = (1, 2, 50, 500, 5000)
HUGE = 1e12
TOLERANCE = 1e-5
#: An encoder of medians is not smooth in the weights; it owes only what holds exactly.
SMOOTH = [name for name in ENCODERS if ENCODERS[name].is_smooth]
MEAN_POOLING = [name for name in SMOOTH if issubclass(ENCODERS[name], MeanPoolingEncoder)]


def each(names):
    """Run a test for each encoder and each size of a set; what is quadratic in the cells meets the largest if slow."""
    cases = [(name, size) for name in names for size in SIZES]
    slow = [size == max(SIZES) and name not in MEAN_POOLING for name, size in cases]
    marked = [
        pytest.param(*case, marks=pytest.mark.slow if hard else ()) for case, hard in zip(cases, slow, strict=True)
    ]
    return pytest.mark.parametrize(("encoder", "size"), marked, indirect=["encoder"])


class SumPooling(Encoder):
    """What no encoder may be: it counts the cells."""

    def __init__(self, n_input: int, n_embed: int) -> None:
        super().__init__(n_input, n_embed)
        self.cell = mlp(n_input, 32, n_hidden=32, n_layers=1)
        self.head = nn.Linear(32, n_embed, bias=False)

    def forward(self, x, weights):
        return self.head(self.cell(x).sum(1))


def error(embedding, expected):
    """Largest difference, relative to the largest entry."""
    return float((embedding - expected).abs().max() / expected.abs().max())


def uniform(x):
    return torch.full(x.shape[:2], 1 / x.shape[1], dtype=x.dtype)


def some_sets(size, n_sets=2):
    """Sets of different means and scales."""
    center, scale = torch.randn(n_sets, 1, N_INPUT), 0.2 + 2 * torch.rand(n_sets, 1, N_INPUT)
    return center + scale * torch.randn(n_sets, size, N_INPUT)


def duplicated_error(encoder, x, n_copies):
    copies = x.repeat(1, n_copies, 1)
    return error(encoder(copies, uniform(copies)), encoder(x, uniform(x)))


@pytest.fixture
def encoder(request, build):
    return build(ENCODERS[request.param], N_INPUT, N_EMBED).eval().requires_grad_(False)


@each(ENCODERS)
def test_encoder_gives_one_finite_vector_a_set(encoder, size):
    x = some_sets(size)
    embedding = encoder(x, uniform(x))
    assert embedding.shape == (len(x), N_EMBED)
    assert embedding.isfinite().all()
    assert (encoder.n_input, encoder.n_embed) == (N_INPUT, N_EMBED)


@each(ENCODERS)
def test_encoder_tells_sets_apart(encoder, size):
    first, second, third = encoder(x := some_sets(size, n_sets=3), uniform(x))
    assert min(error(first, second), error(second, third)) > 100 * TOLERANCE


@each(ENCODERS)
def test_encoder_ignores_the_order_of_cells(encoder, size):
    x = some_sets(size)
    order = torch.randperm(size)
    assert error(encoder(x[:, order], uniform(x)), encoder(x, uniform(x))) <= TOLERANCE


@each(ENCODERS)
@pytest.mark.parametrize("n_copies", [2, 7])
def test_encoder_ignores_duplication_of_all_cells(encoder, size, n_copies):
    assert duplicated_error(encoder, some_sets(size), n_copies) <= TOLERANCE


@pytest.mark.parametrize("size", SIZES)
def test_duplication_check_fails_for_sum_pooling(size):
    assert duplicated_error(SumPooling(N_INPUT, N_EMBED).requires_grad_(False), some_sets(size), 2) > 0.1


@each(SMOOTH)
def test_encoder_takes_a_weight_for_duplicates(encoder, size):
    x, counts = some_sets(size, n_sets=1), torch.randint(1, 6, (size,))
    copies = x.repeat_interleave(counts, dim=1)
    weights = (counts / counts.sum())[None]
    assert error(encoder(x, weights), encoder(copies, uniform(copies))) <= TOLERANCE


@each(SMOOTH)
def test_encoder_ignores_order_under_weights(encoder, size):
    x, order = some_sets(size), torch.randperm(size)
    weights = torch.rand(x.shape[:2]).softmax(-1)
    assert error(encoder(x[:, order], weights[:, order]), encoder(x, weights)) <= TOLERANCE


@each(SMOOTH)
@pytest.mark.parametrize("filler", [0.0, HUGE, -HUGE])
def test_encoder_ignores_padding(encoder, size, filler):
    x = some_sets(size)
    padded = torch.cat([x, torch.full((len(x), 13, N_INPUT), filler)], dim=1)
    weights = torch.cat([uniform(x), torch.zeros(len(x), 13)], dim=1)
    assert error(encoder(padded, weights), encoder(x, uniform(x))) <= TOLERANCE


@pytest.mark.parametrize("encoder", SMOOTH, indirect=True)
def test_encoder_of_a_ragged_batch_matches_one_set_at_a_time(encoder):
    sets = [some_sets(size, n_sets=1) for size in SIZES[:-1]]
    x, weights = torch.randn(len(sets), SIZES[-2], N_INPUT), torch.zeros(len(sets), SIZES[-2])
    for i, cells in enumerate(sets):
        x[i, : cells.shape[1]], weights[i, : cells.shape[1]] = cells[0], 1 / cells.shape[1]
    alone = torch.cat([encoder(cells, uniform(cells)) for cells in sets])
    assert error(encoder(x, weights), alone) <= TOLERANCE


@pytest.mark.parametrize("encoder", MEAN_POOLING, indirect=True)
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_mean_pooling_encoder_is_exact_in_chunks(encoder, chunk):
    x, means = some_sets(150), []
    for _ in range(encoder.n_updates + 1):
        total = sum(encoder.states(part, means).sum(1) for part in x.split(chunk, dim=1))
        means.append(total / x.shape[1])
    assert error(encoder.readout(means[-1]), encoder(x, uniform(x))) <= TOLERANCE


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_reaches_parameters_and_cells(name, build, shake, without_gradient):
    encoder = shake(build(ENCODERS[name], N_INPUT, N_EMBED))
    x = some_sets(20).requires_grad_()
    encoder(x, uniform(x)).square().sum().backward()
    assert without_gradient(encoder) == []
    assert x.grad.isfinite().all()
    assert x.grad.any(-1).all()


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_is_finite_for_identical_cells_and_for_padding(name, build):
    encoder = build(ENCODERS[name], N_INPUT, N_EMBED)
    x = torch.ones(2, 5, N_INPUT, requires_grad=True)
    weights = torch.tensor([[0.5, 0.5, 0, 0, 0], [0.2] * 5])
    encoder(x, weights).square().sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[0, 2:].any()


@pytest.mark.parametrize("name", SMOOTH)
def test_encoder_is_differentiable_in_cells_and_weights(name, build, shake):
    # The derivative in the weights is the influence of a cell, on which all uncertainty rests.
    encoder = shake(build(ENCODERS[name], N_INPUT, N_EMBED)).double().eval()
    x, logits = some_sets(4, n_sets=2).double().requires_grad_(), torch.randn(2, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, logits: encoder(x, logits.softmax(-1)), (x, logits))
