from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_positive
from scgde.nn.backbones import build_backbone
from scgde.nn.cells import per_cell
from scgde.nn.generators._base import GENERATORS, Generator

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec

# Standard deviations stay above it, in units of the cells: equal cells would take the likelihood to infinity.
_FLOOR = 1e-2


@GENERATORS.register("cvae")
class CVAE(Generator):
    """Conditional variational autoencoder: each cell has a code of its own, given the context of its set.

    The decoder gives the mean of a cell, and each set has its own observation noise along each feature. Cells are drawn
    with that noise: means alone would be too narrow a population.

    Parameters
    ----------
    spec
        Cells of real numbers; the code of a cell has their shape.
    n_context
        Dimensions of the context.
    backbone
        Name of the two networks, see ``scgde.nn.BACKBONES``.
    backbone_kwargs
        Their options.
    beta
        Weight of the Kullback-Leibler term; 1 is the evidence lower bound.

    Raises
    ------
    ValueError
        If ``beta`` is not positive.

    References
    ----------
    :cite:t:`Kingma14`, eq. 7; :cite:t:`Sohn15`, eq. 4; :cite:t:`Higgins17` for ``beta``.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        beta: float = 1.0,
    ) -> None:
        super().__init__(spec, n_context)
        self.beta = check_positive(beta, "beta")
        self.encoder = build_backbone(backbone, spec, n_context, backbone_kwargs)
        self.decoder = build_backbone(backbone, spec, n_context, backbone_kwargs)
        self.noise = nn.Linear(n_context, spec.size)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        mean, sd = self._posterior(target, context)
        code = mean + sd * torch.randn_like(target)
        divergence = 0.5 * (mean.square() + sd.square() - 1) - sd.log()
        noise = self._observation_sd(context)
        error = 0.5 * ((target - self._decode(code, context)) / noise).square() + noise.log()
        return (per_cell(error + self.beta * divergence) * weights).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        code, noise = (self._noise(context, n_cells, rng) for _ in range(2))
        return self._decode(code, context) + self._observation_sd(context) * noise

    def _posterior(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        # One network gives both, at two times: the backbone of any kind of data will do.
        mean, width = (self.encoder(x, x.new_full(x.shape[:2], time), context) for time in (0.0, 1.0))
        return mean, functional.softplus(width) + _FLOOR

    def _decode(self, code: Tensor, context: Tensor) -> Tensor:
        return self.decoder(code, code.new_zeros(code.shape[:2]), context)

    def _observation_sd(self, context: Tensor) -> Tensor:
        return functional.softplus(self.noise(context)).view(-1, 1, *self.spec.shape) + _FLOOR
