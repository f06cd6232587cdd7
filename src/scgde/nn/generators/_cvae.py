from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_positive
from scgde.nn.backbones import BACKBONES
from scgde.nn.generators._base import GENERATORS, Generator

# Standard deviations stay above it, in units of the cells: equal cells would take the likelihood to infinity.
_FLOOR = 1e-2


@GENERATORS.register("cvae")
class CVAE(Generator):
    """Conditional variational autoencoder: each cell has a code of its own, given the embedding of its set.

    The decoder gives the mean of a cell, and each set has its own observation noise along each feature. Cells are drawn
    with that noise: means alone would be too narrow a population.

    Parameters
    ----------
    n_features
        Features of a cell, and dimensions of its code.
    n_embed
        Dimensions of the embedding.
    backbone
        Name of the two networks, see ``scgde.nn.backbones``.
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

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.beta = check_positive(beta, "beta")
        self.encoder = BACKBONES[backbone](n_features, n_embed, **(backbone_kwargs or {}))
        self.decoder = BACKBONES[backbone](n_features, n_embed, **(backbone_kwargs or {}))
        self.noise = nn.Linear(n_embed, n_features)

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        mean, sd = self._posterior(x, embedding)
        code = mean + sd * torch.randn_like(x)
        divergence = 0.5 * (mean.square() + sd.square() - 1) - sd.log()
        noise = self._observation_sd(embedding)
        error = 0.5 * ((x - self._decode(code, embedding)) / noise).square() + noise.log()
        return ((error + self.beta * divergence).mean(-1) * weights).sum(-1)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)
        code, noise = (self._noise(embedding, n_cells, rng) for _ in range(2))
        return self._decode(code, embedding) + self._observation_sd(embedding) * noise

    def _posterior(self, x: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        # One network gives both, told apart by its time: the backbone of any kind of data will do.
        mean, width = (self.encoder(x, torch.full_like(x[..., :1], time), embedding) for time in (0.0, 1.0))
        return mean, functional.softplus(width) + _FLOOR

    def _decode(self, code: Tensor, embedding: Tensor) -> Tensor:
        return self.decoder(code, torch.zeros_like(code[..., :1]), embedding)

    def _observation_sd(self, embedding: Tensor) -> Tensor:
        return functional.softplus(self.noise(embedding))[:, None, :] + _FLOOR
