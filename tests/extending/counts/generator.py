"""Negative binomial counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from scgde.nn import GENERATORS, Generator
from scgde.nn.cells import per_cell
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn import CellSpec


@GENERATORS.register("my_negative_binomial")
class NegativeBinomial(Generator):
    """Independent genes, each with a mean that depends on the context and one dispersion.

    Parameters
    ----------
    spec
        Counts.
    n_context
        Dimensions of the context.
    n_hidden
        Width of the network.
    """

    supports = frozenset({"counts"})

    mean: Tensor

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 64) -> None:
        super().__init__(spec, n_context)
        self.network = mlp(n_context, spec.size, n_hidden=n_hidden, n_layers=1)
        self.log_size = nn.Parameter(torch.zeros(spec.shape))
        self.register_buffer("mean", torch.ones(spec.shape))

    def init_from(self, blocks: Iterable[Tensor]) -> None:
        sums, n_cells = zip(*((block.sum(0).double(), len(block)) for block in blocks), strict=True)
        self.mean.copy_((torch.stack(sums).sum(0) / sum(n_cells)).clamp_min(1e-3))

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        return -(per_cell(self._log_prob(target, context)) * weights).sum(-1)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """Logarithm of the probability of cells ``(S, M, G)``, shape ``(S, M)``."""
        return self._log_prob(x, context).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        mean, size = self._mean(context).double().cpu(), self.log_size.exp().double().cpu()
        draws = np.random.default_rng(int(torch.randint(2**31, (1,), generator=rng)))
        shape = (len(context), n_cells, *self.spec.shape)
        counts = draws.negative_binomial(size.numpy(), (size / (size + mean)).numpy(), size=shape)
        return torch.from_numpy(counts).to(context)

    def _mean(self, context: Tensor) -> Tensor:
        """Mean of each gene in each set, shape ``(S, 1, G)``."""
        return (self.mean * self.network(context).exp())[:, None]

    def _log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        mean, size = self._mean(context), self.log_size.exp()
        n_ways = (x + size).lgamma() - size.lgamma() - (x + 1).lgamma()
        return n_ways + size * (size / (size + mean)).log() + x * (mean / (size + mean)).log()
