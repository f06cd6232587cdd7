"""Dilated convolutions over the positions of sequences; causal ones also one position after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

_KERNEL_SIZE = 3
#: Layers by default, at most: a reach of 63 positions.
MAX_LAYERS = 5


class DilatedLayer(nn.Module):
    """Residual convolution that sees a position and two others, modulated by a context (FiLM).

    Parameters
    ----------
    n_hidden
        Width.
    n_context
        Dimensions of the context.
    dilation
        Distance between the positions that are seen.
    causal
        Whether the two others are before the position; else there is one on each side.

    References
    ----------
    :cite:t:`Oord16` for dilated convolutions; :cite:t:`Perez18` for the modulation.
    """

    def __init__(self, n_hidden: int, n_context: int, dilation: int, *, causal: bool = True) -> None:
        super().__init__()
        self.dilation, self.causal = dilation, causal
        self.norm = nn.LayerNorm(n_hidden)
        self.convolution = nn.Linear(_KERNEL_SIZE * n_hidden, n_hidden)
        self.modulation = nn.Linear(n_context, 2 * n_hidden)
        self.outer = nn.Linear(n_hidden, n_hidden)

    @property
    def n_kept(self) -> int:
        """Positions from the first that is seen to the present one, where it is causal."""
        return (_KERNEL_SIZE - 1) * self.dilation

    def forward(self, state: Tensor, context: Tensor) -> Tensor:
        """Next state of all positions, ``(S, M, L, H)``, with contexts ``(S, C)``."""
        n_positions = state.shape[-2]
        room = (self.n_kept, 0) if self.causal else (self.dilation, self.dilation)
        padded = functional.pad(self.norm(state), (0, 0, *room))
        seen = [padded[..., i * self.dilation :, :][..., :n_positions, :] for i in range(_KERNEL_SIZE)]
        return state + self._update(torch.cat(seen, dim=-1), context)

    def step(self, state: Tensor, kept: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Next state of one position ``(S, M, 1, H)``, from what is kept of those before it, ``(S, M, n_kept, H)``."""
        kept = torch.cat([kept, self.norm(state)], dim=-2)
        seen = kept[..., :: self.dilation, :].flatten(-2)[..., None, :]
        return state + self._update(seen, context), kept[..., 1:, :]

    def _update(self, seen: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.modulation(context)[:, None, None].chunk(2, dim=-1)
        return self.outer(functional.silu(self.convolution(seen) * (1 + scale) + shift))


class DilatedConvolutions(nn.Module):
    """Layers of convolutions with doubling dilation: causal, a position sees itself and those before it in reach.

    Parameters
    ----------
    n_hidden
        Width.
    n_context
        Dimensions of the context.
    n_layers
        Layers; the reach is ``2 ** (n_layers + 1) - 1`` positions.
    causal
        Whether these end at the position; else it is in their middle.
    """

    def __init__(self, n_hidden: int, n_context: int, *, n_layers: int, causal: bool = True) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        layers = (DilatedLayer(n_hidden, n_context, 2**i, causal=causal) for i in range(n_layers))
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(n_hidden)

    def forward(self, state: Tensor, context: Tensor) -> Tensor:
        """Output of all positions, shape of ``state`` ``(S, M, L, H)``."""
        for layer in self._ordered:
            state = layer(state, context)
        return self.norm(state)

    @property
    def _ordered(self) -> list[DilatedLayer]:
        return cast("list[DilatedLayer]", list(self.layers))

    def start(self, n_sets: int, n_cells: int, like: Tensor) -> list[Tensor]:
        """What is kept before the first position, of causal layers: nothing."""
        return [like.new_zeros(n_sets, n_cells, layer.n_kept, self.n_hidden) for layer in self._ordered]

    def step(self, state: Tensor, kept: Sequence[Tensor], context: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Output of one position ``(S, M, 1, H)``, and what is to be kept for the next one."""
        after = []
        for layer, before in zip(self._ordered, kept, strict=True):
            state, rest = layer.step(state, before, context)
            after.append(rest)
        return self.norm(state), after


def layers_in_reach(length: int, *, at_most: int = MAX_LAYERS) -> int:
    """Layers after which the last of ``length`` positions sees the first, or ``at_most``."""
    return next((n for n in range(1, at_most) if 2 ** (n + 1) - 1 >= length), at_most)
