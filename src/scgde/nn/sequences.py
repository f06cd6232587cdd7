"""Tokens of sequences: where each may stand, where a sequence ends, and distributions over tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec


def closed_tokens(spec: CellSpec) -> Tensor:
    """Tokens that cannot be at a position, ``(L, V)``: no end before a letter, and each token where it may stand."""
    (length,), n_values, n_first = spec.shape, spec.n_values or 1, spec.n_first
    closed = torch.zeros(length, n_values, dtype=torch.bool)
    closed[0, : n_values - n_first if n_first else 1] = True
    closed[1:, n_values - n_first :] = True
    closed[1:2, 0] = n_first > 0
    return closed


def is_there(x: Tensor) -> Tensor:
    """Positions up to the end, that of the end included, where sequences ``(..., L)`` have not ended before."""
    ended = functional.pad((x == 0)[..., :-1], (1, 0))
    return ended.cumsum(-1) == 0


def inverted(probability: Tensor, uniform: Tensor) -> Tensor:
    """Token at the quantile ``(...)`` of each distribution ``(..., V)``."""
    cumulative = probability.cumsum(-1)
    # Scaled by the sum: rounding never leads to a token of probability 0 behind the last one.
    return (cumulative[..., :-1] <= uniform[..., None] * cumulative[..., -1:]).sum(-1)


def nats_per_token(log_prob: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    """Nats per token of each set, shape ``(S,)``, of sequences ``(S, M, L)`` with log probabilities ``(S, M)``."""
    n_tokens = is_there(x.long()).sum(-1)
    return -(log_prob * weights).sum(-1) / (n_tokens * weights).sum(-1).clamp_min(1)


class DirectLogits(nn.Linear):
    """Logits of each token at each position, straight from a context; at the start they do not depend on it.

    Parameters
    ----------
    n_context
        Dimensions of the context.
    length, n_values
        Positions and tokens.
    """

    def __init__(self, n_context: int, length: int, n_values: int) -> None:
        super().__init__(n_context, length * n_values)
        self.length, self.n_values = length, n_values
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    @torch.no_grad()
    def init_from(self, blocks: Iterable[Tensor]) -> None:
        """Start from the frequency of each token at each position among sequences that have not ended."""
        counts = torch.ones(self.length, self.n_values)
        for block in blocks:
            tokens = block.long().cpu()
            counts += functional.one_hot(tokens, self.n_values).mul(is_there(tokens).float()[..., None]).sum(0)
        self.bias.copy_((counts / counts.sum(-1, keepdim=True)).log().flatten())

    def forward(self, context: Tensor) -> Tensor:
        """Logits for contexts ``(S, C)``, shape ``(S, 1, L, V)``."""
        return super().forward(context).unflatten(-1, (self.length, self.n_values))[:, None]
