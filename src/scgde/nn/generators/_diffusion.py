from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_one_of
from scgde.nn.backbones import BACKBONES
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.paths import NoiseLevel, cosine_schedule

SAMPLERS = ("ancestral", "ddim")


@GENERATORS.register("diffusion")
class Diffusion(Generator):
    """Denoising diffusion.

    The network gives v = signal eps - noise x, from which both the noise eps = noise x_t + signal v and the cell
    x = signal x_t - noise v follow. A network that gives eps itself has its error divided by the signal, and nothing
    but noise is left of the cells where the signal is small.

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

    Raises
    ------
    ValueError
        If ``sampler`` is none of these, or ``n_steps`` is below 1.

    References
    ----------
    :cite:t:`Ho20`, eq. 14; :cite:t:`Song21`, eq. 12 with eta 0 (DDIM) and eta 1 (ancestral);
    :cite:t:`Salimans22`, appendix D, for v.
    """

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
        self.n_features, self.n_embed = n_features, n_embed
        self.n_steps = check_count(n_steps, "n_steps")
        self.sampler = check_one_of(sampler, "sampler", SAMPLERS)
        self.backbone = BACKBONES[backbone](n_features, n_embed, **(backbone_kwargs or {}))

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        time = torch.rand_like(x[..., :1])
        noise, level = torch.randn_like(x), cosine_schedule(time)
        v = self.backbone(level.signal * x + level.noise * noise, time, embedding)
        error = v - (level.signal * noise - level.noise * x)
        return (error.square().mean(-1) * weights).sum(-1)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)
        x = self._noise(embedding, n_cells, rng)
        times = torch.linspace(0.0, 1.0, self.n_steps + 1, dtype=x.dtype).to(x.device)
        for time, later in itertools.pairwise(times):
            x = self._denoise(x, time, later, embedding, rng)
        return x

    def _denoise(
        self, x: Tensor, time: Tensor, later: Tensor, embedding: Tensor, rng: torch.Generator | None
    ) -> Tensor:
        now, then = cosine_schedule(time), cosine_schedule(later)
        v = self.backbone(x, time.expand_as(x[..., :1]), embedding)
        noise, cell = now.noise * x + now.signal * v, now.signal * x - now.noise * v
        fresh = self._fresh_noise_scale(now, then) if self.sampler == "ancestral" else torch.zeros_like(time)
        kept = (then.noise.square() - fresh.square()).clamp_min(0).sqrt()
        x = then.signal * cell + kept * noise
        return x + fresh * self._noise(embedding, x.shape[1], rng) if self.sampler == "ancestral" else x

    @staticmethod
    def _fresh_noise_scale(now: NoiseLevel, then: NoiseLevel) -> Tensor:
        ratio = (now.signal / then.signal).square()
        return then.noise / now.noise * (1 - ratio).clamp_min(0).sqrt()
