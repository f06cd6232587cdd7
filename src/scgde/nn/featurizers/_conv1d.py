from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec


@FEATURIZERS.register("conv1d")
class Conv1d(Featurizer):
    """Convolutions over the positions of a sequence, and the mean and the largest state of its tokens.

    Parameters
    ----------
    spec
        Tokens, of which 0 ends a sequence.
    n_output
        Features made.
    n_hidden
        Width.
    n_layers
        Convolutions with a residual connection.
    kernel_size
        Positions that a convolution sees, odd.

    Raises
    ------
    ValueError
        If ``kernel_size`` is even.
    """

    supports = frozenset({"tokens"})

    def __init__(
        self, spec: CellSpec, *, n_output: int = 64, n_hidden: int = 48, n_layers: int = 2, kernel_size: int = 5
    ) -> None:
        super().__init__()
        if check_count(kernel_size, "kernel_size") % 2 == 0:
            msg = f"`kernel_size` must be odd, so that a token is in the middle, got {kernel_size}."
            raise ValueError(msg)
        self.n_output = check_count(n_output, "n_output")
        self.tokens = nn.Embedding(spec.n_values or 0, n_hidden, padding_idx=0)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_hidden, n_hidden, kernel_size, padding=kernel_size // 2) for _ in range(n_layers)
        )
        self.last = nn.Linear(2 * n_hidden, n_output)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(0, 1).long()
        inside = (tokens > 0)[:, None]
        state = self.tokens(tokens).mT
        for convolution in self.convolutions:
            # Positions behind the end stay 0: more padding changes nothing.
            state = (state + functional.silu(convolution(state))) * inside
        mean = state.sum(-1) / inside.sum(-1).clamp_min(1)
        largest = state.masked_fill(~inside, float("-inf")).amax(-1).nan_to_num(neginf=0.0)
        return self.last(torch.cat([mean, largest], dim=-1)).unflatten(0, x.shape[:2])
