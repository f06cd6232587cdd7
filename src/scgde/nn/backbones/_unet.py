from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count
from scgde.nn.backbones._base import BACKBONES, Backbone
from scgde.nn.layers import FourierTime

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec

#: No level has shorter sides.
_LAST_SIDE = 4


class _Block(nn.Module):
    """Two convolutions around which the state is added; the channels in between are scaled and shifted (FiLM)."""

    def __init__(self, n_input: int, n_output: int, n_given: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_norm(n_input), nn.SiLU(), nn.Conv2d(n_input, n_output, 3, padding=1))
        self.film = nn.Linear(n_given, 2 * n_output)
        self.norm = _norm(n_output)
        self.second = nn.Conv2d(n_output, n_output, 3, padding=1)
        self.skip = nn.Conv2d(n_input, n_output, 1) if n_input != n_output else nn.Identity()
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # type: ignore[arg-type]

    def forward(self, state: Tensor, given: Tensor) -> Tensor:
        scale, shift = self.film(given)[..., None, None].chunk(2, dim=1)
        inner = self.norm(self.first(state)) * (1 + scale) + shift
        return self.skip(state) + self.second(functional.silu(inner))


@BACKBONES.register("unet")
class UNet(Backbone):
    """Convolutions down to a coarse image and up again, with a shortcut at each resolution.

    Context and time scale and shift the channels of every block (FiLM) and, at the coarsest level, add to each position
    on its own, so that the network need not learn from scratch where in an image a set differs. Nothing is normalised
    over cells.

    Parameters
    ----------
    spec
        Images, shape ``(C, Y, X)``, of any size.
    n_context
        Dimensions of the context.
    n_hidden
        Channels at full resolution; twice as many at the next, and so on.
    n_levels
        Resolutions, each half of the one before; fewer where sides would be shorter than 4 pixels.
    n_blocks
        Blocks at each resolution, down and up.
    n_extra
        Inputs of a cell after its features, which images do not have.

    References
    ----------
    :cite:t:`Ronneberger15`; :cite:t:`Ho20`, appendix B.
    """

    supports = frozenset({"images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        n_hidden: int = 16,
        n_levels: int = 3,
        n_blocks: int = 1,
        n_extra: int = 0,
    ) -> None:
        super().__init__()
        check_count(n_blocks, "n_blocks")
        channels, *sides = spec.shape
        sizes = _sizes(sides, check_count(n_levels, "n_levels"))
        widths = [check_count(n_hidden, "n_hidden") * 2**level for level in range(len(sizes))]
        n_given = 4 * n_hidden
        self.time = FourierTime()
        self.given = nn.ModuleDict(
            {"time": nn.Linear(self.time.n_output, n_given), "context": nn.Linear(n_context, n_given)}
        )
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.halve = nn.ModuleList()
        self.up = nn.ModuleList()
        for width, wider in zip(widths, [*widths[1:], widths[-1]], strict=True):
            self.down.append(_blocks(width, width, n_given, n_blocks))
            self.up.insert(0, _blocks(width + wider, width, n_given, n_blocks))
            if len(self.halve) < len(widths) - 1:
                self.halve.append(nn.Conv2d(width, wider, 3, stride=2, padding=1))
        self.positions = nn.Sequential(
            nn.Linear(n_given, widths[-1] * sizes[-1][0] * sizes[-1][1]), nn.Unflatten(-1, (widths[-1], *sizes[-1]))
        )
        self.last = nn.Sequential(_norm(widths[0]), nn.SiLU(), nn.Conv2d(widths[0], channels, 3, padding=1))

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        given = self.given["time"](self.time(time)) + self.given["context"](context)[:, None]
        given = functional.silu(given).flatten(0, 1)
        state, shortcuts = self.first(x.flatten(0, 1)), []
        for level, blocks in enumerate(self.down):
            state = _through(blocks, state, given)
            shortcuts.append(state)
            if level < len(self.halve):
                state = self.halve[level](state)
        state = state + self.positions(given)
        for blocks, shortcut in zip(self.up, reversed(shortcuts), strict=True):
            state = functional.interpolate(state, size=shortcut.shape[2:])
            state = _through(blocks, torch.cat([state, shortcut], dim=1), given)
        return self.last(state).unflatten(0, x.shape[:2])


def _sizes(sides: list[int], n_levels: int) -> list[list[int]]:
    """Sides at each resolution, from full to coarse."""
    sizes = [sides]
    while len(sizes) < n_levels and min(half := [-(-side // 2) for side in sizes[-1]]) >= _LAST_SIDE:
        sizes.append(half)
    return sizes


def _blocks(n_input: int, n_output: int, n_given: int, n_blocks: int) -> nn.ModuleList:
    inputs = [n_input] + [n_output] * (n_blocks - 1)
    return nn.ModuleList(_Block(size, n_output, n_given) for size in inputs)


def _through(blocks: nn.Module, state: Tensor, given: Tensor) -> Tensor:
    for block in blocks.children():
        state = block(state, given)
    return state


def _norm(n_channels: int) -> nn.GroupNorm:
    """Normalisation within one cell, over positions and groups of channels."""
    n_groups = next(n for n in (8, 4, 2, 1) if n_channels % n == 0)
    return nn.GroupNorm(n_groups, n_channels)
