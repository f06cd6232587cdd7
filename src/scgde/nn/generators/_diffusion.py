from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scgde.nn.backbones import backbones
from scgde.nn.generators._base import Generator, generators
from scgde.nn.paths import cosine_schedule

SAMPLERS = ("ancestral", "ddim")


@generators.register("diffusion")
class Diffusion(Generator):
    """Denoising diffusion that predicts the noise.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    backbone
        Name of the network, see ``scgde.nn.backbones``.
    backbone_kwargs
        Its options.
    n_steps
        Steps when cells are drawn, one network evaluation each.
    sampler
        ``"ddim"`` is deterministic given the noise, ``"ancestral"`` adds noise at each step.

    References
    ----------
    :cite:t:`Ho20`, eq. 14; :cite:t:`Song21`, eq. 12 with eta 0 (DDIM) and eta 1 (ancestral).
    """

    #: Training and drawing start here: at time 0 the cell could not be told from its noise.
    first_time = 0.01

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_steps: int = 64,
        sampler: str = "ddim",
    ) -> None:
        super().__init__()
        if sampler not in SAMPLERS:
            msg = f"`sampler` must be one of {SAMPLERS}, got {sampler!r}."
            raise ValueError(msg)
        self.n_features, self.n_embed = n_features, n_embed
        self.n_steps, self.sampler = n_steps, sampler
        self.backbone = backbones[backbone](n_features, n_embed, **(backbone_kwargs or {}))

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        time = self.first_time + (1 - self.first_time) * torch.rand_like(x[..., :1])
        noise, level = torch.randn_like(x), cosine_schedule(time)
        error = self.backbone(level.signal * x + level.noise * noise, time, embedding) - noise
        return (error.square().mean(-1) * weights).sum(-1)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)
        x = self._noise(embedding, n_cells, rng)
        times = torch.linspace(self.first_time, 1.0, self.n_steps + 1, dtype=x.dtype).to(x.device)
        for time, later in zip(times, times[1:], strict=False):
            x = self._denoise(x, time, later, embedding, rng)
        return x

    def _denoise(self, x: Tensor, time: Tensor, later: Tensor, embedding: Tensor, rng: torch.Generator | None) -> Tensor:
        now, then = cosine_schedule(time), cosine_schedule(later)
        noise = self.backbone(x, time.expand_as(x[..., :1]), embedding)
        cell = (x - now.noise * noise) / now.signal
        fresh = self._fresh_noise_scale(now, then) if self.sampler == "ancestral" else torch.zeros_like(time)
        kept = (then.noise.square() - fresh.square()).clamp_min(0).sqrt()
        x = then.signal * cell + kept * noise
        return x + fresh * self._noise(embedding, x.shape[1], rng) if self.sampler == "ancestral" else x

    @staticmethod
    def _fresh_noise_scale(now, then) -> Tensor:
        ratio = (now.signal / then.signal).square()
        return then.noise / now.noise * (1 - ratio).clamp_min(0).sqrt()
