"""Tokens of sequences: where each may stand, where a sequence ends, and draws from distributions over tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
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


def log_frequencies(blocks: Iterable[Tensor], n_values: int, length: int) -> Tensor:
    """Log frequency of each token at each position among sequences that have not ended, shape ``(L, V)``."""
    counts = torch.ones(length, n_values)
    for block in blocks:
        tokens = block.long().cpu()
        counts += functional.one_hot(tokens, n_values).mul(is_there(tokens).float()[..., None]).sum(0)
    return (counts / counts.sum(-1, keepdim=True)).log()
