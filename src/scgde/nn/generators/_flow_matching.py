from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_one_of
from scgde.nn.backbones import backbones
from scgde.nn.generators._base import Generator, generators
from scgde.nn.paths import straight_path
from scgde.nn.solvers import SOLVERS, solve


@generators.register("flow_matching")
class FlowMatching(Generator):
    """Velocity field from noise to cells, regressed on straight lines.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    backbone
        Name of the network, see ``scgde.nn.backbones``.
    backbone_kwargs
        Its options.
    n_steps
        Steps of the solver when cells are drawn.
    solver
        ``"euler"``, ``"midpoint"``, ``"heun"`` or ``"rk4"``.

    Raises
    ------
    ValueError
        If ``solver`` is none of these, or ``n_steps`` is below 1.

    References
    ----------
    :cite:t:`Lipman23`, eq. 9 and 23 with no residual noise at time 1.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_steps: int = 16,
        solver: str = "midpoint",
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.n_steps = check_count(n_steps, "n_steps")
        self.solver = check_one_of(solver, "solver", list(SOLVERS))
        self.backbone = backbones[backbone](n_features, n_embed, **(backbone_kwargs or {}))

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        time = torch.rand_like(x[..., :1])
        point = straight_path(torch.randn_like(x), x, time)
        error = self.backbone(point.x, time, embedding) - point.velocity
        return (error.square().mean(-1) * weights).sum(-1)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)

        def velocity(x: Tensor, time: float) -> Tensor:
            return self.backbone(x, torch.full_like(x[..., :1], time), embedding)

        return solve(velocity, self._noise(embedding, n_cells, rng), n_steps=self.n_steps, method=self.solver)
