"""Causal convolutions over the positions of sequences, all positions at once or one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

_KERNEL_SIZE = 3


class CausalLayer(nn.Module):
    """Residual convolution that sees a position and two before it, modulated by a context (FiLM).

    Parameters
    ----------
    n_hidden
        Width.
    n_context
        Dimensions of the context.
    dilation
        Distance between the positions that are seen.

    References
    ----------
    :cite:t:`Oord16` for dilated causal convolutions; :cite:t:`Perez18` for the modulation.
    """

    def __init__(self, n_hidden: int, n_context: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(n_hidden)
        self.convolution = nn.Linear(_KERNEL_SIZE * n_hidden, n_hidden)
        self.modulation = nn.Linear(n_context, 2 * n_hidden)
        self.outer = nn.Linear(n_hidden, n_hidden)

    @property
    def n_kept(self) -> int:
        """Positions before the present one that are seen."""
        return (_KERNEL_SIZE - 1) * self.dilation

    def forward(self, state: Tensor, context: Tensor) -> Tensor:
        """Next state of all positions, ``(S, M, L, H)``, with contexts ``(S, C)``."""
        n_positions = state.shape[-2]
        padded = functional.pad(self.norm(state), (0, 0, self.n_kept, 0))
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


class CausalConvolutions(nn.Module):
    """Layers of causal convolutions with doubling dilation: position i sees all positions up to i that are in reach.

    Parameters
    ----------
    n_hidden
        Width.
    n_context
        Dimensions of the context.
    n_layers
        Layers; the reach is ``2 ** (n_layers + 1) - 1`` positions.
    """

    def __init__(self, n_hidden: int, n_context: int, *, n_layers: int) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.layers = nn.ModuleList(CausalLayer(n_hidden, n_context, 2**i) for i in range(n_layers))
        self.norm = nn.LayerNorm(n_hidden)

    def forward(self, state: Tensor, context: Tensor) -> Tensor:
        """Output of all positions, shape of ``state`` ``(S, M, L, H)``."""
        for layer in self._ordered:
            state = layer(state, context)
        return self.norm(state)

    @property
    def _ordered(self) -> list[CausalLayer]:
        return cast("list[CausalLayer]", list(self.layers))

    def start(self, n_sets: int, n_cells: int, like: Tensor) -> list[Tensor]:
        """What is kept before the first position: nothing."""
        return [like.new_zeros(n_sets, n_cells, layer.n_kept, self.n_hidden) for layer in self._ordered]

    def step(self, state: Tensor, kept: Sequence[Tensor], context: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Output of one position ``(S, M, 1, H)``, and what is to be kept for the next one."""
        after = []
        for layer, before in zip(self._ordered, kept, strict=True):
            state, rest = layer.step(state, before, context)
            after.append(rest)
        return self.norm(state), after


def layers_in_reach(length: int, *, at_most: int) -> int:
    """Layers after which the last of ``length`` positions sees the first, or ``at_most``."""
    return next((n for n in range(1, at_most) if 2 ** (n + 1) - 1 >= length), at_most)
