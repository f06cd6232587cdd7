from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.generators import GENERATORS

N_FEATURES, N_CONTEXT = 2, 3
SPEC = CellSpec.vectors(N_FEATURES)
N_CELLS = 6
OF_VECTORS = [name for name in GENERATORS if "continuous" in GENERATORS[name].supports]


@pytest.fixture(params=[*((name, {}) for name in OF_VECTORS), ("flow_matching", {"gaussian": True})], ids=str)
def generator(request, build, shake):
    name, options = request.param
    return shake(build(GENERATORS[name], SPEC, N_CONTEXT, **options))


@pytest.fixture
def batch():
    """Cells, weights and embeddings of four sets."""
    weights = torch.rand(4, N_CELLS).softmax(-1)
    return torch.randn(4, N_CELLS, N_FEATURES), weights, torch.randn(4, N_CONTEXT)


@pytest.fixture
def loss_and_gradients(reseed):
    """Loss, and its gradient in the parameters, under the same noise each time."""

    def compute(generator, x, weights, embedding):
        generator.zero_grad()
        reseed(1)
        loss = generator.loss(x, weights, embedding)
        loss.sum().backward()
        return loss.detach(), [p.grad.clone() for p in generator.parameters() if p.grad is not None]

    return compute


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_generator_keeps_its_sizes(generator):
    assert (generator.spec, generator.n_context) == (SPEC, N_CONTEXT)


@pytest.mark.parametrize("n_cells", [1, 2, N_CELLS])
@pytest.mark.parametrize("identical", [False, True])
def test_loss_is_one_finite_number_a_set(generator, batch, n_cells, identical):
    x = batch[0][:, :n_cells]
    x = torch.ones_like(x) if identical else x
    loss = generator.loss(x, torch.full((4, n_cells), 1 / n_cells), batch[2])
    assert loss.shape == (4,)
    assert loss.isfinite().all()


def test_loss_passes_gradient_to_parameters_and_embedding(generator, batch, without_gradient):
    embedding = batch[2].requires_grad_()
    generator.loss(*batch[:2], embedding).sum().backward()
    assert without_gradient(generator) == []
    assert embedding.grad.isfinite().all()
    assert embedding.grad.any(-1).all()


@pytest.mark.parametrize("filler", [0.0, 1e6])
def test_cells_of_weight_zero_have_no_influence(generator, batch, loss_and_gradients, filler):
    x, weights, embedding = batch
    weights = torch.cat([weights[:, :-2] / weights[:, :-2].sum(-1, keepdim=True), torch.zeros(4, 2)], dim=1)
    padded = torch.cat([x[:, :-2], torch.full((4, 2, N_FEATURES), filler)], dim=1).requires_grad_()
    loss, gradients = loss_and_gradients(generator, padded, weights, embedding)
    expected_loss, expected_gradients = loss_and_gradients(generator, x, weights, embedding)
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(gradients, expected_gradients)
    assert not padded.grad[:, -2:].any()


def test_loss_of_a_set_ignores_the_other_sets(generator, batch, loss_and_gradients):
    x, weights, embedding = batch
    loss, _ = loss_and_gradients(generator, x, weights, embedding)
    others = torch.ones_like(x[1:]), torch.full_like(weights[1:], 1 / N_CELLS), torch.zeros_like(embedding[1:])
    changed = [torch.cat([part[:1], other]) for part, other in zip(batch, others, strict=True)]
    torch.testing.assert_close(loss_and_gradients(generator, *changed)[0][0], loss[0])


@pytest.mark.parametrize("n_cells", [1, 5])
@torch.no_grad()
def test_sample_gives_finite_cells(generator, batch, n_cells):
    cells = generator.sample(batch[2], n_cells)
    assert cells.shape == (4, n_cells, N_FEATURES)
    assert cells.isfinite().all()


@torch.no_grad()
def test_sample_depends_on_the_rng_only(generator, batch, reseed):
    first = generator.sample(batch[2], 5, rng=rng(1))
    reseed(99)
    assert torch.equal(generator.sample(batch[2], 5, rng=rng(1)), first)
    assert not torch.equal(generator.sample(batch[2], 5, rng=rng(2)), first)


@torch.no_grad()
def test_sample_depends_on_the_embedding(generator, batch):
    first, other = (generator.sample(embedding, 5, rng=rng()) for embedding in (batch[2], batch[2] + 1))
    assert not torch.allclose(first, other)


@torch.no_grad()
def test_sample_leaves_the_global_random_state_when_given_an_rng(generator, batch):
    state = torch.get_rng_state()
    generator.sample(batch[2], 5, rng=rng())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shape", [(4, N_CONTEXT + 1), (N_CONTEXT,), (1, 4, N_CONTEXT)])
def test_sample_refuses_contexts_of_other_dimensions(generator, shape):
    with pytest.raises(ValueError, match=rf"`context` must have shape \(sets, {N_CONTEXT}\), got"):
        generator.sample(torch.zeros(shape), 5)


@pytest.mark.parametrize("name", OF_VECTORS)
@pytest.mark.parametrize("n_dims", [1, 2])
def test_generator_learns_conditional_means(name, n_dims, build):
    # The embedding is the mean: what is learnt is to put the cells there.
    generator, spread = build(GENERATORS[name], CellSpec.vectors(n_dims), n_dims), 0.3
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-2)
    for _ in range(200):
        mean = 4 * torch.rand(24, n_dims) - 2
        x = mean[:, None] + spread * torch.randn(24, 8, n_dims)
        optimizer.zero_grad()
        generator.loss(x, torch.full((24, 8), 1 / 8), mean).mean().backward()
        optimizer.step()
    mean = 3 * torch.rand(50, n_dims) - 1.5
    with torch.no_grad():
        cells = generator.sample(mean, 200, rng=rng())
    # Without the embedding the best mean is 0.
    assert (cells.mean(1) - mean).square().mean() < 0.05 * mean.square().mean()
    assert (cells - cells.mean(1, keepdim=True)).square().mean().sqrt() < 2 * spread
