"""Sequences, letter by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde.nn import GENERATORS, Generator

if TYPE_CHECKING:
    from scgde.nn import CellSpec


@GENERATORS.register("my_autoregressive")
class Autoregressive(Generator):
    """Each letter given its position, the letter before it, and the context.

    Parameters
    ----------
    spec
        Tokens.
    n_context
        Dimensions of the context.
    n_hidden
        Width.
    """

    supports = frozenset({"tokens"})

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 48) -> None:
        super().__init__(spec, n_context)
        self.start = spec.n_values
        self.before = nn.Embedding(spec.n_values + 1, n_hidden)
        self.position = nn.Parameter(torch.zeros(*spec.shape, n_hidden))
        self.context = nn.Linear(n_context, n_hidden)
        self.last = nn.Linear(n_hidden, spec.n_values)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        before = functional.pad(target[..., :-1], (1, 0), value=self.start)
        state = self.before(before) + self.position + self.context(context)[:, None, None]
        surprise = functional.cross_entropy(self._logits(state).movedim(-1, 1), target, reduction="none")
        return (surprise.mean(-1) * weights).sum(-1)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        uniform = torch.rand(len(context), n_cells, *self.spec.shape, generator=rng).to(context)
        letter, letters = torch.full(uniform.shape[:2], self.start, device=context.device), []
        for level, position in zip(uniform.unbind(-1), self.position, strict=True):
            state = self.before(letter) + position + self.context(context)[:, None]
            below = self._logits(state).softmax(-1).cumsum(-1)[..., :-1]
            letter = (level[..., None] > below).sum(-1)
            letters.append(letter)
        return torch.stack(letters, dim=-1)

    def _logits(self, state: Tensor) -> Tensor:
        return self.last(functional.silu(state))
