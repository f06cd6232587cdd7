from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde._checks import check_count
from scgde.nn.divergences import projected_quantiles, random_directions, sliced_wasserstein2
from scgde.nn.generators._base import GENERATORS
from scgde.nn.generators._direct import DirectGenerator

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec


@GENERATORS.register("sliced_wasserstein")
class SlicedWasserstein(DirectGenerator):
    """Direct map of noise to cells, matched by the squared sliced W2.

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
    n_directions
        Directions of a step.

    Raises
    ------
    ValueError
        If ``n_directions`` is below 1.

    References
    ----------
    :cite:t:`Bonneel15`.
    """

    def __init__(
        self,
        spec: CellSpec,
        n_context: int,
        *,
        backbone: str = "mlp",
        backbone_kwargs: dict[str, Any] | None = None,
        n_directions: int = 32,
    ) -> None:
        super().__init__(spec, n_context, backbone=backbone, backbone_kwargs=backbone_kwargs)
        self.n_directions = check_count(n_directions, "n_directions")

    def divergence(self, x: Tensor, weights_x: Tensor, y: Tensor, weights_y: Tensor, scale: Tensor) -> Tensor:
        directions = random_directions(self.n_directions, x)
        quantiles = (projected_quantiles(*part, directions) for part in ((x, weights_x), (y, weights_y)))
        return sliced_wasserstein2(*quantiles)
