from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from scgde._checks import check_count
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.unmasking import Unmasking, fixed_masks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec


@GENERATORS.register("masked_flow")
class MaskedFlow(Generator):
    """Sequences in any order: all tokens are masked at first, and filled in step by step, given those that are there.

    A flow from masks to tokens, whose loss bounds the negative log likelihood. A sequence ends at its first 0, or at
    the last position. There is at least one letter.

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
    n_steps
        Steps of sampling: with fewer than positions, several tokens are drawn at once, as if they were independent.
    n_masks
        Masks of each sequence by which its likelihood is estimated.

    References
    ----------
    :cite:t:`Sahoo24`; :cite:t:`Gat24` and :cite:t:`Campbell24` for flows on tokens.
    """

    supports = frozenset({"tokens"})
    likelihood_is_bound = True

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        n_hidden: int = 48,
        n_layers: int | None = None,
        n_steps: int = 32,
        n_masks: int = 16,
    ) -> None:
        super().__init__(spec, n_context)
        self.n_steps, self.n_masks = check_count(n_steps, "n_steps"), check_count(n_masks, "n_masks")
        self.unmasking = Unmasking(spec, n_context, n_hidden=n_hidden, n_layers=n_layers)

    def init_from(self, blocks: Iterable[Tensor]) -> None:
        self.unmasking.init_from(blocks)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        """Bound of the nats per token of each set, shape ``(S,)``; out of training, always by the same masks."""
        return self.unmasking.loss(target, weights, context)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """Lower bound of the log probability of sequences ``(S, M, L)``, in nats, shape ``(S, M)``.

        An estimate by ``n_masks`` masks of each sequence, always the same ones.
        """
        rng = fixed_masks()
        return torch.stack([self.unmasking.bound(x, context, rng=rng) for _ in range(self.n_masks)]).mean(0)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        shape = (len(context), n_cells, *self.spec.shape)
        x = torch.zeros(shape, dtype=torch.int64, device=context.device)
        return self.unmasking.fill(x, torch.ones_like(x, dtype=torch.bool), context, n_steps=self.n_steps, rng=rng)
