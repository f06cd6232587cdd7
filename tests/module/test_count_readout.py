from __future__ import annotations

import pytest
import torch
from scvi.distributions import NegativeBinomial, ZeroInflatedNegativeBinomial

from scgde.module import CountReadout, KnownOfSets
from scgde.module._count_distribution import CountDecoder, CountDistribution

N_GENES, N_CONDITIONS = 12, 3


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(0)
        yield


@pytest.fixture(params=["nb", "zinb"])
def distribution(request) -> CountDistribution:
    mean, theta = 3 * torch.rand(2, 5, N_GENES), 1 + 4 * torch.rand(N_GENES)
    return CountDistribution(mean, theta, torch.randn(2, 5, N_GENES) if request.param == "zinb" else None)


def reference(distribution: CountDistribution) -> NegativeBinomial:
    if distribution.dropout is None:
        return NegativeBinomial(mu=distribution.mean, theta=distribution.theta)
    options = {"mu": distribution.mean, "theta": distribution.theta, "zi_logits": distribution.dropout}
    return ZeroInflatedNegativeBinomial(**options)


def test_log_prob_is_that_of_scvi_tools(distribution):
    x = torch.poisson(distribution.mean)
    expected = reference(distribution).log_prob(x).sum(-1)
    torch.testing.assert_close(distribution.log_prob(x), expected, rtol=1e-4, atol=1e-4)


def test_probabilities_sum_to_one(distribution):
    x = torch.arange(300.0).reshape(300, 1, 1)
    dropout = None if distribution.dropout is None else distribution.dropout[:1, :1, :1].expand(300, 1, 1)
    per_gene = CountDistribution(distribution.mean[:1, :1, :1].expand(300, 1, 1), distribution.theta[:1], dropout)
    assert float(per_gene.log_prob(x).exp().sum()) == pytest.approx(1, abs=1e-3)


def test_draws_have_the_moments_of_the_distribution():
    mean, theta = torch.tensor([0.1, 1.0, 20.0]), torch.tensor([0.5, 2.0, 5.0])
    x = CountDistribution(mean.expand(1, 40_000, 3), theta).sample(rng())[0]
    assert (x == x.round()).all()
    assert (x >= 0).all()
    variance = mean + mean**2 / theta
    torch.testing.assert_close(x.mean(0), mean, rtol=0.05, atol=0.01)
    torch.testing.assert_close(x.var(0), variance, rtol=0.08, atol=0.01)


def test_draws_have_the_further_zeros():
    mean, dropout = torch.full((1, 40_000, 2), 50.0), torch.tensor([0.0, -2.0])
    x = CountDistribution(mean, torch.full((2,), 100.0), dropout.expand(1, 40_000, 2)).sample(rng())[0]
    torch.testing.assert_close((x == 0).float().mean(0), dropout.sigmoid(), atol=0.01, rtol=0)


def test_decoder_starts_from_the_shares_of_genes():
    share = torch.rand(N_GENES).softmax(-1)
    decoder = CountDecoder(4, N_GENES)
    decoder.init_from(share)
    shares = decoder(torch.randn(3, 50, 4), torch.ones(3, 50)).mean
    torch.testing.assert_close(shares.sum(-1), torch.ones(3, 50))
    assert torch.corrcoef(torch.stack([shares.mean((0, 1)).log(), share.log()]))[0, 1] > 0.7


def test_decoder_refuses_other_likelihoods():
    with pytest.raises(ValueError, match=r"`likelihood` must be one of \['nb', 'zinb'\], got 'poisson'"):
        CountDecoder(4, N_GENES, likelihood="poisson")


N_COORDINATES = 5


def readout(**options) -> CountReadout:
    made = CountReadout(N_COORDINATES, N_GENES, N_CONDITIONS, **{"n_cell_latent": 4, "n_hidden": 32, **options})
    counts = torch.poisson(5 * torch.rand(200, N_GENES))
    share = counts.sum(0) / counts.sum()
    made.init_from([torch.randn(100, N_COORDINATES) for _ in range(2)], counts.sum(1), share)
    return made


def batch(n_cells: int = 6) -> tuple[torch.Tensor, torch.Tensor, KnownOfSets]:
    """Coordinates and counts of four sets, and what else is known of these."""
    coordinates = torch.randn(4, n_cells, N_COORDINATES)
    return coordinates, torch.poisson(5 * torch.rand(4, n_cells, N_GENES)), KnownOfSets(torch.randn(4, N_CONDITIONS))


@pytest.mark.parametrize("options", [{}, {"likelihood": "zinb"}], ids=str)
def test_loss_of_each_cell_reaches_every_parameter(options):
    made, parts = readout(**options), batch()
    for parameter in made.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    loss = made.loss(*parts)
    assert loss.shape == (4, 6)
    loss.sum().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_loss_of_a_cell_ignores_the_others():
    made, (coordinates, counts, known) = readout(), batch()
    losses = []
    for last in (counts[:, -2:], torch.full((4, 2, N_GENES), 1e6)):
        torch.default_generator.manual_seed(0)
        losses.append(made.loss(coordinates, torch.cat([counts[:, :-2], last], dim=1), known)[:, :-2])
    torch.testing.assert_close(*losses)


def test_bridge_leaves_the_autoencoder_alone():
    made, (coordinates, counts, known) = readout(), batch()
    gradients = []
    for factor in (1.0, 3.0):
        with torch.no_grad():
            for parameter in made.bridge.parameters():
                parameter.mul_(factor)
        torch.default_generator.manual_seed(0)
        loss = made.loss(coordinates, counts, known).sum()
        gradients.append(torch.autograd.grad(loss, [*made.encoder.parameters(), *made.decoder.parameters()]))
    torch.testing.assert_close(*gradients)


def test_cells_without_counts_are_trained_on_and_drawn():
    made, (coordinates, counts, known) = readout(), batch()
    assert made.loss(coordinates, torch.zeros_like(counts), known).isfinite().all()
    assert made.sample(coordinates, known, library_size=torch.full((4, 6), 1e-3), rng=rng()).isfinite().all()


def test_draws_depend_on_the_rng_only():
    made, (coordinates, _, known) = readout(), batch(30)
    first = made.sample(coordinates, known, rng=rng(1))
    state = torch.get_rng_state()
    assert torch.equal(made.sample(coordinates, known, rng=rng(1)), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(made.sample(coordinates, known, rng=rng(2)), first)


def test_library_size_scales_the_same_cells():
    made, (coordinates, _, known) = readout(), batch(2000)
    means = []
    for size in (100.0, 1000.0):
        x = made.sample(coordinates, known, library_size=torch.full((4, 2000), size), rng=rng())
        assert x.sum(-1).mean() == pytest.approx(size, rel=0.01)
        means.append(x.mean((0, 1)) / size)
    torch.testing.assert_close(*means, rtol=0.1, atol=2e-3)


def test_learns_genes_and_library_sizes_that_vary_with_coordinates_and_conditions():
    made = CountReadout(2, 4, 1, n_cell_latent=3, n_hidden=32)
    optimizer = torch.optim.Adam(made.parameters(), lr=1e-2)

    def cells(coordinates, condition):
        first, second = coordinates.unbind(-1)
        shift = condition.expand(first.shape)
        share = torch.stack([1.5 * first, shift, 0 * first, 0.5 + 0 * first], -1).softmax(-1)
        return torch.poisson(200 * (0.5 * second).exp()[..., None] * share)

    def drawn(n_sets, n_cells):
        coordinates, condition = torch.randn(n_sets, n_cells, 2), torch.randint(2, (n_sets, 1)).float()
        return coordinates, cells(coordinates, condition), KnownOfSets(condition)

    coordinates, counts, _ = drawn(50, 20)
    flat = counts.flatten(0, 1)
    made.init_from([coordinates.flatten(0, 1)], flat.sum(1), flat.sum(0) / flat.sum())
    for _ in range(300):
        optimizer.zero_grad()
        made.loss(*drawn(16, 16)).mean().backward()
        optimizer.step()
    coordinates = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])[:, None].expand(4, 500, 2)
    for condition in (torch.zeros(4, 1), torch.ones(4, 1)):
        truth = cells(coordinates, condition).mean(1)
        found = made.sample(coordinates, KnownOfSets(condition), rng=rng()).mean(1)
        assert (found - truth).square().sum() < 0.1 * (truth - truth.mean(0)).square().sum()


def test_reconstructed_cells_keep_what_makes_them_differ():
    made, (_, counts, known) = readout(), batch()
    assert made.reconstruct(counts, known, rng=rng()).shape == counts.shape
    assert made.median_library_size > 1


def test_fold_changes_of_sets_multiply_their_rates():
    made, (coordinates, _, known) = readout(), batch(4000)
    fold, means = torch.rand(4, N_GENES) + 0.5, []
    for log_fold in (None, fold.log()):
        x = made.sample(coordinates, known._replace(log_fold=log_fold), rng=rng())
        means.append(x.mean(1) / x.sum((1, 2), keepdim=True).mean(1) * 4000)
    ratio = means[1] / means[0] / fold
    # One factor a set besides, since shares sum to 1.
    torch.testing.assert_close(ratio / ratio.mean(1, keepdim=True), torch.ones(4, N_GENES), rtol=0.1, atol=0)
