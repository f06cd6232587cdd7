from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_one_of
from scgde.nn.backbones import build_backbone
from scgde.nn.cells import like_cells, per_cell
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.paths import NoiseLevel, cosine_schedule, random_times

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec

SAMPLERS = ("ancestral", "ddim")


@GENERATORS.register("diffusion")
class Diffusion(Generator):
    """Denoising diffusion.

    The network gives v = signal eps - noise x, from which both the noise eps = noise x_t + signal v and the cell
    x = signal x_t - noise v follow. A network that gives eps itself has its error divided by the signal, and nothing
    but noise is left of the cells where the signal is small.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context.
    backbone
        Name of the network, see ``scgde.nn.BACKBONES``.
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

    supports = frozenset({"continuous", "images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_steps: int = 64,
        sampler: str = "ddim",
    ) -> None:
        super().__init__(spec, n_context)
        self.n_steps = check_count(n_steps, "n_steps")
        self.sampler = check_one_of(sampler, "sampler", SAMPLERS)
        self.backbone = build_backbone(backbone, spec, n_context, backbone_kwargs)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        time = random_times(target)
        noise, level = torch.randn_like(target), cosine_schedule(like_cells(time, target))
        v = self.backbone(level.signal * target + level.noise * noise, time, context)
        error = v - (level.signal * noise - level.noise * target)
        return (per_cell(error.square()) * weights).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        x = self._noise(context, n_cells, rng)
        times = torch.linspace(0.0, 1.0, self.n_steps + 1, dtype=x.dtype).to(x.device)
        for time, later in itertools.pairwise(times):
            x = self._denoise(x, time, later, context, rng)
        return x

    def _denoise(self, x: Tensor, time: Tensor, later: Tensor, context: Tensor, rng: torch.Generator | None) -> Tensor:
        now, then = cosine_schedule(time), cosine_schedule(later)
        v = self.backbone(x, time.expand(x.shape[:2]), context)
        noise, cell = now.noise * x + now.signal * v, now.signal * x - now.noise * v
        fresh = self._fresh_noise_scale(now, then) if self.sampler == "ancestral" else torch.zeros_like(time)
        rest = (then.noise.square() - fresh.square()).clamp_min(0).sqrt()
        x = then.signal * cell + rest * noise
        return x + fresh * self._noise(context, x.shape[1], rng) if self.sampler == "ancestral" else x

    @staticmethod
    def _fresh_noise_scale(now: NoiseLevel, then: NoiseLevel) -> Tensor:
        ratio = (now.signal / then.signal).square()
        return then.noise / now.noise * (1 - ratio).clamp_min(0).sqrt()
