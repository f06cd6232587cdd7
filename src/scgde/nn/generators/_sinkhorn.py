from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde._checks import check_count, check_positive
from scgde.nn.divergences import entropic_transport, root_mean_squared_distance
from scgde.nn.generators._base import GENERATORS
from scgde.nn.generators._direct import DirectGenerator

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec


@GENERATORS.register("sinkhorn")
class Sinkhorn(DirectGenerator):
    """Direct map of noise to cells, matched by the Sinkhorn divergence.

    Its terms of a set with itself cancel in the loss, so that transport alone is computed.

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
    epsilon
        Strength of the entropy, relative to the mean squared distance within the target.
    n_rounds
        Rounds of ten iterations after the annealing.

    Raises
    ------
    ValueError
        If ``epsilon`` is not positive, or ``n_rounds`` is below 1.

    References
    ----------
    :cite:t:`Feydy19`.
    """

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        epsilon: float = 0.05,
        n_rounds: int = 2,
    ) -> None:
        super().__init__(spec, n_context, backbone=backbone, backbone_kwargs=backbone_kwargs)
        self.epsilon = check_positive(epsilon, "epsilon")
        self.n_rounds = check_count(n_rounds, "n_rounds")

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        strength = self.epsilon * scale.square()
        return entropic_transport(x, weights_x, y, weights_y, strength, n_rounds=self.n_rounds)

    def scale(self, x: Tensor, weights: Tensor) -> Tensor:
        return root_mean_squared_distance(x, weights, x, weights)
