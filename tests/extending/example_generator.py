"""A generator of one's own: independent Gaussians."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn import GENERATORS, Generator
from scgde.nn.cells import per_cell
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn import CellSpec


@GENERATORS.register("gaussian")
class Gaussian(Generator):
    """A Gaussian for each value of a cell, with a mean and a standard deviation that depend on the context.

    Parameters
    ----------
    spec
        Cells of real numbers, of any shape.
    n_context
        Dimensions of the context.
    n_hidden
        Width of the network.
    """

    supports = frozenset({"continuous"})

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 64) -> None:
        super().__init__(spec, n_context)
        self.head = mlp(n_context, 2 * spec.size, n_hidden=n_hidden, n_layers=1)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        mean, log_sd = self._moments(context)
        error = 0.5 * ((target - mean) / log_sd.exp()).square() + log_sd
        return (per_cell(error) * weights).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        mean, log_sd = self._moments(context)
        # Noise is drawn on the CPU, so that one seed gives the same cells on every device.
        noise = torch.randn(len(context), n_cells, *self.spec.shape, generator=rng).to(context)
        return mean + log_sd.exp() * noise

    def _moments(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the standard deviation of each set, shape ``(S, 1, *shape)``."""
        mean, log_sd = self.head(context).chunk(2, dim=-1)
        return mean.view(-1, 1, *self.spec.shape), log_sd.view(-1, 1, *self.spec.shape)
