from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count, check_non_negative
from scgde.nn.dilated_convolutions import DilatedConvolutions, layers_in_reach
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.sequences import DirectLogits, closed_tokens, inverted, is_there, nats_per_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec

#: Of the mean context: by how much it follows the sets of a step.
_RATE_OF_MEAN = 0.02


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
    guidance
        By how much what is special of a set is exaggerated where sequences are drawn, in twice the time: logits move
        away from those of the mean context by this many times their difference. Likelihoods are those without it.

    References
    ----------
    :cite:t:`Ho22` for guidance, with the mean context in place of none.
    """

    supports = frozenset({"tokens"})

    closed: Tensor
    mean_context: Tensor

    def __init__(
        self, spec: CellSpec, n_context: int, *, n_hidden: int = 48, n_layers: int | None = None, guidance: float = 0.0
    ) -> None:
        super().__init__(spec, n_context)
        self.guidance = check_non_negative(guidance, "guidance")
        if self.guidance:
            self.register_buffer("mean_context", torch.zeros(n_context))
        (length,), n_values = spec.shape, spec.n_values or 1
        n_layers = layers_in_reach(length) if n_layers is None else n_layers
        self.tokens = nn.Embedding(n_values, check_count(n_hidden, "n_hidden"))
        self.positions = nn.Parameter(0.1 * torch.randn(length, n_hidden))
        self.network = DilatedConvolutions(n_hidden, n_context, n_layers=check_count(n_layers, "n_layers"))
        self.logits = nn.Linear(n_hidden, n_values)
        self.direct = DirectLogits(n_context, length, n_values)
        self.register_buffer("closed", closed_tokens(spec), persistent=False)

    def init_from(self, blocks: Iterable[Tensor]) -> None:
        self.direct.init_from(blocks)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        """Nats per token of each set, shape ``(S,)``."""
        if self.training and self.guidance:
            self.mean_context.lerp_(context.detach().mean(0).to(self.mean_context), _RATE_OF_MEAN)
        return nats_per_token(self.log_prob(target, context), target, weights)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """Log probability of sequences ``(S, M, L)``, in nats, shape ``(S, M)``."""
        x = x.long()
        before = functional.pad(x[..., :-1], (1, 0))
        states = self.network(self._inputs(before), context)
        logits = (self.logits(states) + self.direct(context)).masked_fill(self.closed, float("-inf"))
        chosen = functional.log_softmax(logits, dim=-1).gather(-1, x[..., None])[..., 0]
        return chosen.masked_fill(~is_there(x), 0.0).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        # One number per position and cell: one seed gives cells that move little where the context does.
        uniform = torch.rand(len(context), n_cells, *self.spec.shape, generator=rng).to(context)
        known = torch.cat([context, self.mean_context.expand_as(context)]) if self.guidance else context
        direct, kept = self.direct(known), self.network.start(len(known), n_cells, known)
        x = torch.zeros(uniform.shape, dtype=torch.int64, device=context.device)
        token = x[..., :1]
        for i in range(x.shape[-1]):
            before = token.repeat(len(known) // len(context), 1, 1)
            states, kept = self.network.step(self._inputs(before, start=i), kept, known)
            logits = self._guided(self.logits(states) + direct[:, :, i : i + 1])
            logits = logits.masked_fill(self.closed[i], float("-inf"))
            token = inverted(logits.softmax(-1), uniform[..., i : i + 1])
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

    def _guided(self, logits: Tensor) -> Tensor:
        """Logits ``(S, ...)`` away from those of the mean context, which come behind them; as they are without it."""
        if not self.guidance:
            return logits
        own, mean = logits.chunk(2)
        return own + self.guidance * (own - mean)
