from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from scgde.nn.transforms._base import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


@TRANSFORMS.register("identity")
class Identity(CellTransform):
    """Cells as they are.

    Parameters
    ----------
    spec
        Cells of any kind. Tokens have one ground coordinate per position and value.
    """

    supports = frozenset({"continuous", "counts", "tokens", "images"})

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Nothing to learn."""

    def encoder_input(self, x: Tensor) -> Tensor:
        return x

    def target(self, x: Tensor) -> Tensor:
        return x

    def restore(self, x: Tensor) -> Tensor:
        return x

    @property
    def ground_scale(self) -> float:
        return 1.0

    def ground(self, x: Tensor) -> Tensor:
        if self.spec.kind == "tokens":
            x = functional.one_hot(x, self.spec.n_values or -1).float()
        return x.flatten(2)
