from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_flag, check_one_of, check_positive
from scgde.nn.backbones import build_backbone
from scgde.nn.cells import Ends, check_vectors, per_cell, take_cells
from scgde.nn.gaussian_flow import Between, GaussianHead, velocity_of
from scgde.nn.paths import random_times, straight_path
from scgde.nn.solvers import SOLVERS, solve
from scgde.nn.transports._base import TRANSPORTS, Transport, check_times
from scgde.nn.transports._partners import COUPLINGS, partners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.nn.cells import CellSpec, Measure
    from scgde.nn.gaussian_flow import Velocity


@TRANSPORTS.register("flow_matching")
class FlowMatching(Transport):
    """Velocity field from source cells to target cells, regressed on straight lines between paired cells.

    Parameters
    ----------
    spec
        Cells of real numbers.
    n_context
        Dimensions of the context of each end.
    backbone
        Name of the network, see ``scgde.nn.BACKBONES``.
    backbone_kwargs
        Its options.
    coupling
        How cells of a pair of sets are paired: ``"ot"`` by exact optimal transport, so that paths hardly cross and the
        map is close to the optimal one; ``"sinkhorn"`` by entropic optimal transport; ``"independent"`` at random. The
        cost is Euclidean, over all values of a cell.
    sigma
        Standard deviation of noise around the lines.
    preserve_identity
        Whether the velocity is the difference between those towards the target and towards the source itself, so that
        a set that is transported to its own context does not change, also one of a kind that was never seen.
    gaussian
        Whether means and covariances are read off the contexts, and the network learns only what the optimal map
        between Gaussians with these does not explain, see ``scgde.nn.gaussian_flow``; for vectors only.
    n_steps
        Steps of the solver from time 0 to time 1.
    solver
        ``"euler"``, ``"midpoint"``, ``"heun"`` or ``"rk4"``.

    Raises
    ------
    ValueError
        If a choice is unknown, ``sigma`` is negative, ``n_steps`` is below 1, or ``gaussian`` cells are no vectors.

    References
    ----------
    :cite:t:`Tong24`, sections 3.1 and 3.2.
    """

    supports = frozenset({"continuous", "images"})

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        coupling: str = "ot",
        sigma: float = 0.0,
        preserve_identity: bool = False,
        gaussian: bool = False,
        n_steps: int = 8,
        solver: str = "midpoint",
    ) -> None:
        super().__init__(spec, n_context)
        self.coupling = check_one_of(coupling, "coupling", COUPLINGS)
        self.sigma = check_positive(sigma, "sigma") if sigma else 0.0
        self.preserve_identity = check_flag(preserve_identity, "preserve_identity")
        self.n_steps = check_count(n_steps, "n_steps")
        self.solver = check_one_of(solver, "solver", list(SOLVERS))
        self.gaussian, n_extra = None, 0
        if check_flag(gaussian, "gaussian"):
            n_extra = check_vectors(spec, "`gaussian=True`")
            self.gaussian = GaussianHead(n_extra, n_context)
        self.backbone = build_backbone(backbone, spec, 2 * n_context, backbone_kwargs, n_extra=n_extra)

    def loss(self, source: Measure, target: Measure, context: Ends) -> Tensor:
        end = take_cells(target.x, partners(source, target, self.coupling))
        time = random_times(source.x)
        point = straight_path(source.x, end, time)
        x = point.x + self.sigma * torch.randn_like(source.x) if self.sigma else point.x
        error = self._velocity(context)(x, time) - point.velocity
        loss = (per_cell(error.square()) * source.weights).sum(-1)
        if self.gaussian is None:
            return loss
        loss = loss + self.gaussian.loss(*source, context.source)
        return loss + self.gaussian.loss(*target, context.target)

    def push(
        self,
        source: Tensor,
        context: Ends,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        self._check_push(source, context, times)
        x, now, path, field = source, 0.0, [], self._velocity(context)
        for time in check_times(times):
            x, now = self._flow(x, now, time, field), time
            path.append(x)
        return torch.stack(path)

    def _velocity(self, context: Ends) -> Velocity:
        towards = self._velocity_between(context)
        if not self.preserve_identity:
            return towards
        away = self._velocity_between(Ends(context.source, context.source))
        return lambda x, time: towards(x, time) - away(x, time)

    def _velocity_between(self, context: Ends) -> Velocity:
        known = None if self.gaussian is None else Between(self.gaussian(context.source), self.gaussian(context.target))
        return velocity_of(self.backbone, torch.cat(context, dim=-1), known)

    def _flow(self, x: Tensor, start: float, end: float, field: Velocity) -> Tensor:
        span = end - start
        if span == 0:
            return x

        def velocity(x: Tensor, time: float) -> Tensor:
            return span * field(x, x.new_full(x.shape[:2], start + span * time))

        return solve(velocity, x, n_steps=max(1, round(span * self.n_steps)), method=self.solver)
