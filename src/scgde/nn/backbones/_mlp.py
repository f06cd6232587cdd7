from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn.backbones._base import BACKBONES, Backbone
from scgde.nn.cells import check_vectors
from scgde.nn.layers import FourierTime

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec


class _Block(nn.Module):
    """Residual block whose hidden units are scaled and shifted by the context (FiLM)."""

    def __init__(self, n_hidden: int, n_context: int, n_time: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_hidden)
        self.inner = nn.Linear(n_hidden, n_hidden)
        self.time = nn.Linear(n_time, n_hidden, bias=False)
        self.film = nn.Linear(n_context, 2 * n_hidden)
        self.outer = nn.Linear(n_hidden, n_hidden)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, state: Tensor, time: Tensor, context: Tensor) -> Tensor:
        scale, shift = self.film(context)[:, None, :].chunk(2, dim=-1)
        inner = self.inner(self.norm(state)) * (1 + scale) + shift + self.time(time)
        return state + self.outer(functional.silu(inner))


@BACKBONES.register("mlp")
class MLP(Backbone):
    """Residual perceptron for cells that are vectors.

    Parameters
    ----------
    spec
        Cells that are vectors.
    n_context
        Dimensions of the context.
    n_hidden
        Width.
    n_layers
        Residual blocks.
    n_extra
        Inputs of a cell after its features.

    Raises
    ------
    ValueError
        If cells have another shape.
    """

    def __init__(
        self, spec: CellSpec, n_context: int, *, n_hidden: int = 128, n_layers: int = 3, n_extra: int = 0
    ) -> None:
        super().__init__()
        n_features = check_vectors(spec, "The backbone `mlp`")
        self.time = FourierTime()
        self.context = nn.Sequential(nn.Linear(n_context, n_hidden), nn.SiLU())
        self.first = nn.Linear(n_features + n_extra, n_hidden)
        self.blocks = nn.ModuleList(_Block(n_hidden, n_hidden, self.time.n_output) for _ in range(n_layers))
        self.last = nn.Sequential(nn.LayerNorm(n_hidden), nn.Linear(n_hidden, n_features))

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        time, context = self.time(time), self.context(context)
        state = self.first(x)
        for block in self.blocks:
            state = block(state, time, context)
        return self.last(state)
