"""Sequences of which some tokens are hidden, and a network that fills them in, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count
from scgde.nn.dilated_convolutions import DilatedConvolutions, layers_in_reach
from scgde.nn.sequences import DirectLogits, closed_tokens, inverted, is_there, nats_per_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec


#: Of masks, where these are to be the same each time.
_SEED = 0


class Unmasking(nn.Module):
    """Distribution of each hidden token, given those that are seen and a context.

    Dilated convolutions in both directions, modulated by the context in every layer. The context also goes straight to
    the logits, by a linear map for each position. What follows from the tokens that are seen is not learnt: nothing is
    behind an end, and no end is before a letter.

    Parameters
    ----------
    spec
        Tokens.
    n_context
        Dimensions of the context.
    n_hidden
        Width.
    n_layers
        Layers. By default as many as it takes to see all positions, or 31 on each side.

    References
    ----------
    :cite:t:`Sahoo24`; :cite:t:`Gat24` and :cite:t:`Campbell24` for flows on tokens.
    """

    closed: Tensor

    def __init__(self, spec: CellSpec, n_context: int, *, n_hidden: int = 48, n_layers: int | None = None) -> None:
        super().__init__()
        (length,), self.hidden = spec.shape, spec.n_values or 1
        n_layers = layers_in_reach(2 * length - 1) if n_layers is None else check_count(n_layers, "n_layers")
        self.tokens = nn.Embedding(self.hidden + 1, check_count(n_hidden, "n_hidden"))
        self.positions = nn.Parameter(0.1 * torch.randn(length, n_hidden))
        self.network = DilatedConvolutions(n_hidden, n_context, n_layers=n_layers, causal=False)
        self.logits = nn.Linear(n_hidden, self.hidden)
        self.direct = DirectLogits(n_context, length, self.hidden)
        self.register_buffer("closed", closed_tokens(spec), persistent=False)

    def init_from(self, blocks: Iterable[Tensor]) -> None:
        """Start from the frequency of each token at each position among sequences that have not ended."""
        self.direct.init_from(blocks)

    def bound(
        self, x: Tensor, context: Tensor, *, rng: torch.Generator | None = None, side: Tensor | None = None
    ) -> Tensor:
        """Lower bound of the log probability of sequences ``(S, M, L)``, in nats, ``(S, M)``, by one mask for each.

        The share of hidden tokens is uniform, and cross entropies of hidden tokens are divided by it: without bias for
        the mean log probability over all orders in which tokens may be filled in.

        Parameters
        ----------
        x
            Tokens.
        context
            Shape ``(S, C)``.
        rng
            Of the masks.
        side
            What else is known of each position, added to its state, ``(S, M, L, H)``.
        """
        x = self._hide(x.long())
        masked, share = random_masks(x.shape, rng=rng)
        seen = self._hide(x, masked.to(x.device))
        log_prob = functional.log_softmax(self._logits(seen, context, side), dim=-1)
        chosen = log_prob.gather(-1, x[..., None])[..., 0]
        return chosen.masked_fill(seen != self.hidden, 0.0).sum(-1) / share.to(chosen)

    def loss(self, x: Tensor, weights: Tensor, context: Tensor, *, side: Tensor | None = None) -> Tensor:
        """Bound of the nats per token of each set, shape ``(S,)``; out of training, always by the same masks."""
        bound = self.bound(x, context, rng=None if self.training else fixed_masks(), side=side)
        return nats_per_token(bound, x, weights)

    def fill(
        self,
        x: Tensor,
        masked: Tensor,
        context: Tensor,
        *,
        n_steps: int,
        rng: torch.Generator | None = None,
        side: Tensor | None = None,
    ) -> Tensor:
        """Draw the tokens where ``masked``, ``(S, M, L)``, given the others, in at most ``n_steps`` steps.

        A step fills in some random positions at once: exact where it is a single one. One seed gives sequences that
        change little where the context does.
        """
        turn, uniform = (values.to(context.device) for values in _random_turns(masked.cpu(), n_steps, rng))
        x = self._hide(x.long(), masked)
        for step in range(n_steps):
            drawn = inverted(self._logits(x, context, side).softmax(-1), uniform)
            x = self._hide(torch.where((turn == step) & (x == self.hidden), drawn, x))
        return x

    def _hide(self, x: Tensor, masked: Tensor | None = None) -> Tensor:
        """Tokens as they are seen: what is behind an end that is seen, is known to be 0."""
        x = x if masked is None else x.masked_fill(masked, self.hidden)
        return x.masked_fill(~is_there(x), 0)

    def _logits(self, seen: Tensor, context: Tensor, side: Tensor | None) -> Tensor:
        inputs = self.tokens(seen) + self.positions
        states = self.network(inputs if side is None else inputs + side, context)
        return (self.logits(states) + self.direct(context)).masked_fill(self._closed_by(seen), float("-inf"))

    def _closed_by(self, seen: Tensor) -> Tensor:
        """Tokens that cannot be at a position, ``(S, M, L, V)``: no end before a letter that is seen."""
        letter = (seen > 0) & (seen < self.hidden)
        before = letter.flip(-1).cumsum(-1).flip(-1) > letter
        return self.closed | functional.pad(before[..., None], (0, self.hidden - 1))


def random_masks(shape: tuple[int, ...], *, rng: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Masks ``(S, M, L)`` of random positions, and their shares ``(S, M)``, which are uniform over ``1 / L`` to 1.

    The shares of a set are spread evenly, which makes its mean less noisy.
    """
    n_sets, n_cells, length = shape
    level = torch.rand(n_sets, 1, generator=rng) + torch.randperm(n_cells, generator=rng) / n_cells
    n_masked = (length * (level % 1)).long().clamp_max(length - 1) + 1
    rank = torch.rand(shape, generator=rng).argsort(-1).argsort(-1)
    return rank < n_masked[..., None], n_masked / length


def fixed_masks() -> torch.Generator:
    """Random state of masks that are the same each time, so that two contexts can be compared."""
    return torch.Generator().manual_seed(_SEED)


def _random_turns(masked: Tensor, n_steps: int, rng: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Step at which each masked position is filled in, and a quantile for each, of shape ``(S, M, L)``."""
    order, uniform = torch.rand(2, *masked.shape, generator=rng)
    rank = order.masked_fill(~masked, 2.0).argsort(-1).argsort(-1)
    return rank * n_steps // max(n_steps, masked.shape[-1]), uniform
