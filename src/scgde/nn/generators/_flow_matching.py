from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_flag, check_one_of
from scgde.nn.backbones import BACKBONES
from scgde.nn.couplings import pair
from scgde.nn.gaussian_flow import FromNoise, GaussianHead, velocity_of
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.paths import straight_path
from scgde.nn.solvers import SOLVERS, solve

if TYPE_CHECKING:
    from scgde.nn.gaussian_flow import Velocity

COUPLINGS = ("independent", "ot")


@GENERATORS.register("flow_matching")
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
    coupling
        Which noise goes to which cell of a set: ``"independent"``, or ``"ot"`` for exact optimal transport within the
        batch, whose lines are straighter.
    gaussian
        Whether a mean and a covariance are read off the embedding, and the network learns only what a Gaussian with
        these does not explain, see :mod:`scgde.nn.gaussian_flow`.

    Raises
    ------
    ValueError
        If ``solver`` or ``coupling`` is none of these, or ``n_steps`` is below 1.

    References
    ----------
    :cite:t:`Lipman23`, eq. 9 and 23 with no residual noise at time 1; :cite:t:`Tong24`, section 3.2.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_steps: int = 8,
        solver: str = "midpoint",
        coupling: str = "independent",
        gaussian: bool = False,
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.n_steps = check_count(n_steps, "n_steps")
        self.solver = check_one_of(solver, "solver", list(SOLVERS))
        self.coupling = check_one_of(coupling, "coupling", COUPLINGS)
        self.gaussian = GaussianHead(n_features, n_embed) if check_flag(gaussian, "gaussian") else None
        beside = {"n_beside": n_features} if gaussian else {}
        self.backbone = BACKBONES[backbone](n_features, n_embed, **beside, **(backbone_kwargs or {}))

    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        time = torch.rand_like(x[..., :1])
        point = straight_path(self._start(x, weights), x, time)
        error = self._velocity(embedding)(point.x, time) - point.velocity
        loss = (error.square().mean(-1) * weights).sum(-1)
        return loss if self.gaussian is None else loss + self.gaussian.loss(x, weights, embedding)

    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self._check_embedding(embedding)
        field = self._velocity(embedding)

        def velocity(x: Tensor, time: float) -> Tensor:
            return field(x, torch.full_like(x[..., :1], time))

        return solve(velocity, self._noise(embedding, n_cells, rng), n_steps=self.n_steps, method=self.solver)

    def _velocity(self, embedding: Tensor) -> Velocity:
        known = None if self.gaussian is None else FromNoise(self.gaussian(embedding))
        return velocity_of(self.backbone, embedding, known)

    def _start(self, x: Tensor, weights: Tensor) -> Tensor:
        noise = torch.randn_like(x)
        if self.coupling == "independent":
            return noise
        # Noise with the weights of the cells is noise still, and equal weights make the exact pairing fast.
        index = pair(x, noise, weights_x=weights, weights_y=weights)
        return noise.gather(1, index[:, :, None].expand_as(noise))
