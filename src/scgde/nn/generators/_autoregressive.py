from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count
from scgde.nn.causal_convolutions import CausalConvolutions, layers_in_reach
from scgde.nn.generators._base import GENERATORS, Generator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec

#: Layers by default, at most: a reach of 63 positions.
_MAX_LAYERS = 5


@GENERATORS.register("autoregressive")
class Autoregressive(Generator):
    """Sequences token by token, each given those before it and the context; the likelihood is exact.

    Dilated causal convolutions, modulated by the context in every layer. The context also goes straight to the logits,
    by a linear map for each position: with modulation alone, the generator learns what sequences have in common and
    less of what sets differ in.

    A sequence ends at its first 0, or at the last position. There is at least one letter.

    Parameters
    ----------
    spec
        Tokens.
    n_context
        Dimensions of the context.
    n_hidden
        Width.
    n_layers
        Layers. By default as many as it takes for the last position to see the first, but no more than 5.
    """

    supports = frozenset({"tokens"})

    closed: Tensor

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 48, n_layers: int | None = None) -> None:
        super().__init__(spec, n_context)
        (length,), n_values = spec.shape, spec.n_values or 1
        n_layers = layers_in_reach(length, at_most=_MAX_LAYERS) if n_layers is None else n_layers
        self.tokens = nn.Embedding(n_values, check_count(n_hidden, "n_hidden"))
        self.positions = nn.Parameter(0.1 * torch.randn(length, n_hidden))
        self.network = CausalConvolutions(n_hidden, n_context, n_layers=check_count(n_layers, "n_layers"))
        self.logits = nn.Linear(n_hidden, n_values)
        self.direct = nn.Linear(n_context, length * n_values)
        nn.init.zeros_(self.direct.weight)
        nn.init.zeros_(self.direct.bias)
        self.register_buffer("closed", _closed(length, n_values, spec.n_first), persistent=False)

    @torch.no_grad()
    def init_from(self, blocks: Iterable[Tensor]) -> None:
        """Start from the frequency of each token at each position among sequences that have not ended."""
        counts = torch.ones(self.closed.shape)
        for block in blocks:
            tokens = block.long().cpu()
            there = _is_there(tokens).float()
            counts += functional.one_hot(tokens, counts.shape[1]).mul(there[..., None]).sum(0)
        self.direct.bias.copy_((counts / counts.sum(-1, keepdim=True)).log().flatten())

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        """Nats per token of each set, shape ``(S,)``."""
        n_tokens = _is_there(target.long()).sum(-1)
        return -(self.log_prob(target, context) * weights).sum(-1) / (n_tokens * weights).sum(-1).clamp_min(1)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """Log probability of sequences ``(S, M, L)``, in nats, shape ``(S, M)``."""
        x = x.long()
        before = functional.pad(x[..., :-1], (1, 0))
        states = self.network(self._inputs(before), context)
        logits = (self.logits(states) + self._direct(context)).masked_fill(self.closed, float("-inf"))
        chosen = functional.log_softmax(logits, dim=-1).gather(-1, x[..., None])[..., 0]
        return chosen.masked_fill(~_is_there(x), 0.0).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        # One number per position and cell: one seed gives cells that move little where the context does.
        uniform = torch.rand(len(context), n_cells, *self.spec.shape, generator=rng).to(context)
        direct, kept = self._direct(context), self.network.start(len(context), n_cells, context)
        x = torch.zeros(uniform.shape, dtype=torch.int64, device=context.device)
        token = x[..., :1]
        for i in range(x.shape[-1]):
            states, kept = self.network.step(self._inputs(token, start=i), kept, context)
            logits = (self.logits(states) + direct[:, :, i : i + 1]).masked_fill(self.closed[i], float("-inf"))
            token = _inverted(logits.softmax(-1), uniform[..., i : i + 1])
            if i:
                token = token * (x[..., i - 1 : i] > 0)
            x[..., i : i + 1] = token
            if not token.any():
                break
        return x

    def _inputs(self, before: Tensor, *, start: int = 0) -> Tensor:
        """State of positions from ``start`` on, ``(S, M, l, H)``, from the tokens before them; 0 before the first."""
        positions = self.positions[start : start + before.shape[-1]]
        return self.tokens(before) + positions

    def _direct(self, context: Tensor) -> Tensor:
        return self.direct(context).unflatten(-1, self.closed.shape)[:, None]


def _closed(length: int, n_values: int, n_first: int) -> Tensor:
    """Tokens that cannot be at a position, ``(L, V)``: no end before a letter, and each token where it may stand."""
    closed = torch.zeros(length, n_values, dtype=torch.bool)
    closed[0, : n_values - n_first if n_first else 1] = True
    closed[1:, n_values - n_first :] = True
    closed[1:2, 0] = n_first > 0
    return closed


def _is_there(x: Tensor) -> Tensor:
    """Positions up to the end, that of the end included, where sequences ``(..., L)`` have not ended before."""
    ended = functional.pad((x == 0)[..., :-1], (1, 0))
    return ended.cumsum(-1) == 0


def _inverted(probability: Tensor, uniform: Tensor) -> Tensor:
    """Token at the quantile ``(...)`` of each distribution ``(..., V)``."""
    cumulative = probability.cumsum(-1)
    # Scaled by the sum: rounding never leads to a token of probability 0 behind the last one.
    return (cumulative[..., :-1] <= uniform[..., None] * cumulative[..., -1:]).sum(-1)
