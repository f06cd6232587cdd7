from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from scgde._checks import check_count, check_flag, check_one_of, check_positive
from scgde.nn.backbones import BACKBONES
from scgde.nn.couplings import pair
from scgde.nn.gaussian_flow import Between, GaussianHead, velocity_of
from scgde.nn.paths import straight_path
from scgde.nn.solvers import SOLVERS, solve
from scgde.nn.transports._base import TRANSPORTS, Transport, check_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.nn.gaussian_flow import Velocity

COUPLINGS = ("ot", "sinkhorn", "independent")


@TRANSPORTS.register("flow_matching")
class FlowMatching(Transport):
    """Velocity field from source cells to target cells, regressed on straight lines between paired cells.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of each embedding.
    backbone
        Name of the network, see ``scgde.nn.backbones``.
    backbone_kwargs
        Its options.
    coupling
        How cells of a pair of sets are paired: ``"ot"`` by exact optimal transport, so that paths hardly cross and the
        map is close to the optimal one; ``"sinkhorn"`` by entropic optimal transport; ``"independent"`` at random.
    sigma
        Standard deviation of noise around the lines.
    anchored
        Whether the velocity is the difference between those towards the target and towards the source itself, so that
        a set that is moved to its own embedding stays where it is, also one of a kind that was never seen.
    gaussian
        Whether means and covariances are read off the embeddings, and the network learns only what the optimal map
        between Gaussians with these does not explain, see :mod:`scgde.nn.gaussian_flow`.
    n_steps
        Steps of the solver from time 0 to time 1.
    solver
        ``"euler"``, ``"midpoint"``, ``"heun"`` or ``"rk4"``.

    Raises
    ------
    ValueError
        If a choice is unknown, ``sigma`` is negative or ``n_steps`` is below 1.

    References
    ----------
    :cite:t:`Tong24`, sections 3.1 and 3.2.
    """

    def __init__(
        self,
        n_features: int,
        n_embed: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        coupling: str = "ot",
        sigma: float = 0.0,
        anchored: bool = False,
        gaussian: bool = False,
        n_steps: int = 8,
        solver: str = "midpoint",
    ) -> None:
        super().__init__()
        self.n_features, self.n_embed = n_features, n_embed
        self.coupling = check_one_of(coupling, "coupling", COUPLINGS)
        self.sigma = check_positive(sigma, "sigma") if sigma else 0.0
        self.anchored = check_flag(anchored, "anchored")
        self.gaussian = GaussianHead(n_features, n_embed) if check_flag(gaussian, "gaussian") else None
        self.n_steps = check_count(n_steps, "n_steps")
        self.solver = check_one_of(solver, "solver", list(SOLVERS))
        beside = {"n_beside": n_features} if gaussian else {}
        self.backbone = BACKBONES[backbone](n_features, 2 * n_embed, **beside, **(backbone_kwargs or {}))

    def loss(
        self,
        source: Tensor,
        target: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        source_weights: Tensor,
        target_weights: Tensor,
    ) -> Tensor:
        end = self._partners(source, target, source_weights, target_weights)
        time = torch.rand_like(source[..., :1])
        point = straight_path(source, end, time)
        x = point.x + self.sigma * torch.randn_like(source) if self.sigma else point.x
        error = self._velocity(source_embedding, target_embedding)(x, time) - point.velocity
        loss = (error.square().mean(-1) * source_weights).sum(-1)
        if self.gaussian is None:
            return loss
        loss = loss + self.gaussian.loss(source, source_weights, source_embedding)
        return loss + self.gaussian.loss(target, target_weights, target_embedding)

    def push(
        self,
        source: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        self._check_push(source, source_embedding, target_embedding, times)
        field = self._velocity(source_embedding, target_embedding)
        x, now, path = source, 0.0, []
        for time in check_times(times):
            x, now = self._flow(x, now, time, field), time
            path.append(x)
        return torch.stack(path)

    def _velocity(self, source_embedding: Tensor, target_embedding: Tensor) -> Velocity:
        towards = self._velocity_between(source_embedding, target_embedding)
        if not self.anchored:
            return towards
        away = self._velocity_between(source_embedding, source_embedding)
        return lambda x, time: towards(x, time) - away(x, time)

    def _velocity_between(self, source_embedding: Tensor, target_embedding: Tensor) -> Velocity:
        context, known = torch.cat([source_embedding, target_embedding], dim=-1), None
        if self.gaussian is not None:
            known = Between(self.gaussian(source_embedding), self.gaussian(target_embedding))
        return velocity_of(self.backbone, context, known)

    def _flow(self, x: Tensor, start: float, end: float, field: Velocity) -> Tensor:
        span = end - start
        if span == 0:
            return x

        def velocity(x: Tensor, time: float) -> Tensor:
            return span * field(x, torch.full_like(x[..., :1], start + span * time))

        return solve(velocity, x, n_steps=max(1, round(span * self.n_steps)), method=self.solver)

    @torch.no_grad()
    def _partners(self, source: Tensor, target: Tensor, source_weights: Tensor, target_weights: Tensor) -> Tensor:
        """The target cell of each source cell, shape ``(S, M, G)``."""
        if self.coupling == "independent":
            index = _resample(target_weights, source.shape[1])
        else:
            method = "exact" if self.coupling == "ot" else self.coupling
            index = pair(source, target, weights_x=source_weights, weights_y=target_weights, method=method)
        return target.gather(1, index[..., None].expand(-1, -1, target.shape[-1]))


def _resample(weights: Tensor, n: int) -> Tensor:
    """``n`` cells of each set by their weights, shape ``(S, n)``: one from each of ``n`` equal parts of the mass."""
    shape = (len(weights), n)
    level = (torch.arange(n, device=weights.device) + torch.rand(shape, device=weights.device)) / n
    index = torch.searchsorted(weights.cumsum(-1), level.to(weights.dtype)).clamp_max(weights.shape[1] - 1)
    return index.gather(1, torch.rand(shape, device=weights.device).argsort(dim=1))
