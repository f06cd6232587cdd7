from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count, check_one_of
from scgde.nn.cells import take_cells
from scgde.nn.sequences import is_there
from scgde.nn.transports._base import TRANSPORTS, Transport, check_times
from scgde.nn.transports._partners import COUPLINGS, partners
from scgde.nn.unmasking import Unmasking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.nn.cells import CellSpec, Ends, Measure


@TRANSPORTS.register("masked_flow")
class MaskedFlow(Transport):
    """Sequences of the target are filled in from masks, each given all tokens of a sequence of the source.

    In training, sequences of a pair of sets are paired by optimal transport of the number of positions that differ, and
    tokens of the partner are masked: what is learnt is the distribution of a partner, given the source sequence and
    the contexts of both sets. Partners of all source sequences are then distributed as the target is.

    Parameters
    ----------
    spec
        Tokens.
    n_context
        Dimensions of the context of each end.
    coupling
        How sequences of a pair of sets are paired: ``"ot"``, ``"sinkhorn"`` or, at random, ``"independent"``, with
        which the target is generated without regard to the source.
    n_hidden
        Width.
    n_layers
        Layers. By default as many as it takes to see all positions, or 31 on each side.
    n_steps
        Steps in which a sequence is filled in: with fewer than positions, several tokens are drawn at once.

    References
    ----------
    :cite:t:`Gat24`, with masks that know the source; :cite:t:`Campbell24`.
    """

    supports = frozenset({"tokens"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        coupling: str = "ot",
        n_hidden: int = 48,
        n_layers: int | None = None,
        n_steps: int = 32,
    ) -> None:
        super().__init__(spec, n_context)
        self.coupling = check_one_of(coupling, "coupling", COUPLINGS)
        self.n_steps = check_count(n_steps, "n_steps")
        self.unmasking = Unmasking(spec, 2 * n_context, n_hidden=n_hidden, n_layers=n_layers)
        self.source_tokens = nn.Embedding(spec.n_values or 1, n_hidden)

    def loss(self, source: Measure, target: Measure, context: Ends) -> Tensor:
        """Bound of the nats per token of partners, shape ``(S,)``; out of training, always by the same masks."""
        start, end = (measure._replace(x=self._one_hot(measure.x)) for measure in (source, target))
        partner = take_cells(target.x.long(), partners(start, end, self.coupling))
        return self.unmasking.loss(partner, source.weights, torch.cat(context, dim=-1), side=self._side(source.x))

    def push(
        self,
        source: Tensor,
        context: Ends,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Transport source sequences; on the way, more and more positions have the token of the target."""
        self._check_push(source, context, times)
        start, known = source.long(), torch.cat(context, dim=-1)
        masked = torch.ones_like(start, dtype=torch.bool)
        end = self.unmasking.fill(start, masked, known, n_steps=self.n_steps, rng=rng, side=self._side(start))
        moment = torch.rand(start.shape, generator=rng).to(start.device)
        path = [torch.where(moment < time, end, start) for time in check_times(times)]
        return torch.stack([x.masked_fill(~is_there(x), 0) for x in path])

    def _side(self, source: Tensor) -> Tensor:
        return self.source_tokens(source.long())

    def _one_hot(self, x: Tensor) -> Tensor:
        return functional.one_hot(x.long(), self.source_tokens.num_embeddings).float()
