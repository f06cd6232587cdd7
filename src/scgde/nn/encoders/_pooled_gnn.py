from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.blocks import mlp
from scgde.nn.encoders._base import MeanPoolingEncoder, encoders
from scgde.nn.encoders._layers import Message
from scgde.nn.featurizers import featurizers

if TYPE_CHECKING:
    from scgde._types import Config


@encoders.register("pooled_gnn")
class PooledGNN(MeanPoolingEncoder):
    """Layers in which each cell sees its own state joined with the weighted mean over its set.

    Message passing on the complete graph of a set, at a cost linear in its cells.

    Parameters
    ----------
    n_input
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width.
    n_layers
        Rounds of messages.
    featurizer, featurizer_kwargs
        Network on each cell before the first round, and its choices; see :mod:`scgde.nn.featurizers`.

    References
    ----------
    :cite:t:`Fishman25`, section 3.
    """

    def __init__(
        self,
        n_input: int,
        n_embed: int,
        *,
        n_hidden: int = 128,
        n_layers: int = 2,
        featurizer: str = "mlp",
        featurizer_kwargs: Config | None = None,
    ) -> None:
        super().__init__()
        self.n_input, self.n_embed = n_input, n_embed
        self.first = featurizers[featurizer](n_input, n_hidden, **(featurizer_kwargs or {}))
        self.layers = nn.ModuleList(Message(n_hidden) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    @property
    def n_updates(self) -> int:
        return len(self.layers)

    def lift(self, x: Tensor) -> Tensor:
        return functional.silu(self.first(x))

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        return self.layers[depth](state, mean[:, None, :])

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)
