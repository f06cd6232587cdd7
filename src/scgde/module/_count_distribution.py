"""Negative binomial counts of cells whose library sizes are known, and a network that says which ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_one_of

if TYPE_CHECKING:
    from collections.abc import Iterable

LIKELIHOODS = ("nb", "zinb")
#: Logarithm of the inverse dispersion at the start: from nearly Poisson counts, few steps suffice.
_LOG_THETA = 2.0
#: Below logarithms, as in scvi-tools.
_TINY = 1e-8


class CountDistribution(NamedTuple):
    """Negative binomial counts, of which more may be zero.

    Parameters
    ----------
    mean
        Shape ``(S, M, G)``.
    theta
        Inverse dispersion of each gene, shape ``(G,)``: the variance is ``mean + mean ** 2 / theta``.
    dropout
        Logit of the probability of a further zero, shape ``(S, M, G)``; None for none.
    """

    mean: Tensor
    theta: Tensor
    dropout: Tensor | None = None

    def log_prob(self, x: Tensor) -> Tensor:
        """Logarithm of the probability of cells ``(S, M, G)``, shape ``(S, M)``.

        The probability of a zero has a short closed form, and most counts are zero: gamma functions are evaluated at
        the others only.
        """
        at = x.nonzero(as_tuple=True)
        mean, theta = self.mean[at], self.theta[at[-1]]
        positive = _negative_binomial(x[at], mean, theta)
        zero = -self.theta * (self.mean / self.theta).log1p()
        if self.dropout is not None:
            zero = functional.softplus(zero - self.dropout) - functional.softplus(-self.dropout)
            positive = positive - functional.softplus(self.dropout[at])
        return zero.index_put(at, positive).sum(-1)

    @torch.no_grad()
    def sample(self, rng: torch.Generator | None = None) -> Tensor:
        """Counts ``(S, M, G)``, drawn on the CPU: one seed gives the same cells on every device."""
        draws = np.random.default_rng(int(torch.randint(2**31, (1,), generator=rng)))
        mean, theta = (part.detach().double().cpu().numpy() for part in (self.mean, self.theta))
        sets = [_draw(of_set, theta, draws) for of_set in mean]
        counts = torch.from_numpy(np.stack(sets)).to(self.mean)
        if self.dropout is None:
            return counts
        chance = torch.rand(counts.shape, generator=rng).to(counts)
        return counts * (chance >= self.dropout.sigmoid())


def _negative_binomial(x: Tensor, mean: Tensor, theta: Tensor) -> Tensor:
    """Logarithm of the probability of counts ``x``, all of one shape."""
    log_total = (theta + mean + _TINY).log()
    powers = theta * ((theta + _TINY).log() - log_total) + x * ((mean + _TINY).log() - log_total)
    return powers + torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)


def _draw(mean: np.ndarray, theta: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    return draws.poisson(draws.gamma(theta, mean / theta)).astype(np.float32)


class CountDecoder(nn.Module):
    """From what is known of a cell to the distribution of its counts, for any library size.

    Parameters
    ----------
    n_input
        Numbers that are known of a cell.
    n_genes
        Genes.
    n_hidden
        Width of the hidden layer.
    likelihood
        ``"nb"``, or ``"zinb"`` for a share of further zeros.
    """

    def __init__(self, n_input: int, n_genes: int, *, n_hidden: int = 128, likelihood: str = "nb") -> None:
        super().__init__()
        check_one_of(likelihood, "likelihood", LIKELIHOODS)
        self.hidden = hidden_layer(n_input, n_hidden)
        self.log_share = nn.Linear(n_hidden, n_genes)
        self.log_theta = nn.Parameter(torch.full((n_genes,), _LOG_THETA))
        self.dropout = nn.Linear(n_hidden, n_genes) if likelihood == "zinb" else None

    @torch.no_grad()
    def init_from(self, share: Tensor) -> None:
        """Start from the share of each gene in all counts, shape ``(G,)``."""
        self.log_share.bias.copy_(share.clamp_min(1e-8).log())

    def forward(self, known: Tensor, library: Tensor, log_fold: Tensor | None = None) -> CountDistribution:
        """Distribution of the counts of cells.

        Parameters
        ----------
        known
            Shape ``(S, M, n_input)``.
        library
            Library sizes, shape ``(S, M)``.
        log_fold
            Log fold changes of the rates of genes in each set, shape ``(S, G)``; None for none.
        """
        hidden = self.hidden(known)
        log_share = self.log_share(hidden)
        log_share = log_share if log_fold is None else log_share + log_fold[:, None]
        mean = library[..., None] * log_share.softmax(-1)
        return CountDistribution(mean, self.log_theta.exp(), None if self.dropout is None else self.dropout(hidden))


class LibrarySizes(nn.Module):
    """Library sizes of the training cells: their logarithm, standardised, and their median."""

    mean: Tensor
    sd: Tensor
    median: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("mean", "sd", "median"):
            self.register_buffer(name, torch.ones(()))

    def fit(self, library: Tensor) -> None:
        """Take them from the library sizes ``(n,)`` of cells."""
        log_library = library.double().clamp_min(1).log()
        self.mean.copy_(log_library.mean())
        self.sd.copy_(log_library.std(correction=0).clamp_min(1e-3))
        self.median.copy_(library.median())

    def standardised(self, library: Tensor) -> Tensor:
        """Standardised logarithm of library sizes."""
        return (library.clamp_min(1).log() - self.mean) / self.sd

    def restored(self, values: Tensor) -> Tensor:
        """Inverse of :meth:`standardised`, at most five standard deviations from the mean."""
        return (values.clamp(-5, 5) * self.sd + self.mean).exp()


def hidden_layer(n_input: int, n_hidden: int) -> nn.Sequential:
    """A layer with normalisation over its units: one cell at a time."""
    return nn.Sequential(nn.Linear(n_input, n_hidden), nn.LayerNorm(n_hidden, elementwise_affine=False), nn.ReLU())


def totals(blocks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Library size of each cell ``(n,)``, and the share of each gene in all counts ``(G,)``, from blocks ``(n, G)``."""
    library, genes = zip(*((block.sum(1), block.double().sum(0)) for block in blocks), strict=True)
    total = torch.stack(genes).sum(0)
    return torch.cat(library), (total / total.sum().clamp_min(1)).float()
