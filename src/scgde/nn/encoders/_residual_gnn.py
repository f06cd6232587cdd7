from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from scgde.nn.blocks import mlp
from scgde.nn.encoders._base import MeanPoolingEncoder, encoders
from scgde.nn.encoders._layers import ResidualMessage
from scgde.nn.featurizers import featurizers

if TYPE_CHECKING:
    from scgde._types import Config


@encoders.register("residual_gnn")
class ResidualGNN(MeanPoolingEncoder):
    """Rounds of messages from the weighted mean, each added to a cell's state: the input skips every one.

    Normalised over the features of a cell or of a mean, never over cells.

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
        self.layers = nn.ModuleList(_Layer(n_hidden) for _ in range(n_layers))
        self.head = mlp(n_hidden, n_embed, n_hidden=n_hidden, n_layers=1)

    @property
    def n_updates(self) -> int:
        return len(self.layers)

    def lift(self, x: Tensor) -> Tensor:
        return self.first(x)

    def update(self, depth: int, state: Tensor, mean: Tensor) -> Tensor:
        return self.layers[depth](state, mean)

    def readout(self, mean: Tensor) -> Tensor:
        return self.head(mean)


class _Layer(nn.Module):
    def __init__(self, n_hidden: int) -> None:
        super().__init__()
        self.norm, self.mean_norm = nn.LayerNorm(n_hidden), nn.LayerNorm(n_hidden)
        self.residual = ResidualMessage(n_hidden)

    def forward(self, state: Tensor, mean: Tensor) -> Tensor:
        return self.residual(state, self.norm(state), self.mean_norm(mean)[:, None, :])
