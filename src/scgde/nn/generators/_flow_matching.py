from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_flag, check_one_of
from scgde.nn.backbones import build_backbone
from scgde.nn.cells import check_vectors, per_cell, take_cells
from scgde.nn.couplings import pair
from scgde.nn.gaussian_flow import FromNoise, GaussianHead, velocity_of
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.paths import random_times, straight_path
from scgde.nn.solvers import SOLVERS, solve

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec
    from scgde.nn.gaussian_flow import Velocity

COUPLINGS = ("independent", "ot")


@GENERATORS.register("flow_matching")
class FlowMatching(Generator):
    """Velocity field from noise to cells, regressed on straight lines.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context.
    backbone
        Name of the network, see ``scgde.nn.BACKBONES``.
    backbone_kwargs
        Its options.
    n_steps
        Steps of the solver when cells are drawn.
    solver
        ``"euler"``, ``"midpoint"``, ``"heun"`` or ``"rk4"``.
    coupling
        Which noise goes to which cell of a set: ``"independent"``, or ``"ot"`` for exact optimal transport within the
        batch, over all values of a cell, whose lines are straighter.
    gaussian
        Whether a mean and a covariance are read off the context, and the network learns only what a Gaussian with
        these does not explain, see ``scgde.nn.gaussian_flow``; for vectors only.

    Raises
    ------
    ValueError
        If ``solver`` or ``coupling`` is none of these, ``n_steps`` is below 1, or ``gaussian`` cells are no vectors.

    References
    ----------
    :cite:t:`Lipman23`, eq. 9 and 23 with no residual noise at time 1; :cite:t:`Tong24`, section 3.2.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_steps: int = 8,
        solver: str = "midpoint",
        coupling: str = "independent",
        gaussian: bool = False,
    ) -> None:
        super().__init__(spec, n_context)
        self.n_steps = check_count(n_steps, "n_steps")
        self.solver = check_one_of(solver, "solver", list(SOLVERS))
        self.coupling = check_one_of(coupling, "coupling", COUPLINGS)
        self.gaussian, n_extra = None, 0
        if check_flag(gaussian, "gaussian"):
            n_extra = check_vectors(spec, "`gaussian=True`")
            self.gaussian = GaussianHead(n_extra, n_context)
        self.backbone = build_backbone(backbone, spec, n_context, backbone_kwargs, n_extra=n_extra)

    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        time = random_times(target)
        point = straight_path(self._start(target, weights), target, time)
        error = self._velocity(context)(point.x, time) - point.velocity
        loss = (per_cell(error.square()) * weights).sum(-1)
        return loss if self.gaussian is None else loss + self.gaussian.loss(target, weights, context)

    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        self.check_context(context)
        field = self._velocity(context)

        def velocity(x: Tensor, time: float) -> Tensor:
            return field(x, x.new_full(x.shape[:2], time))

        return solve(velocity, self._noise(context, n_cells, rng), n_steps=self.n_steps, method=self.solver)

    def _velocity(self, context: Tensor) -> Velocity:
        known = None if self.gaussian is None else FromNoise(self.gaussian(context))
        return velocity_of(self.backbone, context, known)

    def _start(self, x: Tensor, weights: Tensor) -> Tensor:
        noise = torch.randn_like(x)
        if self.coupling == "independent":
            return noise
        # Noise with the weights of the cells is noise still, and equal weights make the exact pairing fast.
        index = pair(x.flatten(2), noise.flatten(2), weights_x=weights, weights_y=weights)
        return take_cells(noise, index)
