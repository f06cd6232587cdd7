from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.transforms._base import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.nn.cells import CellSpec

#: Fold changes are at most so large, and one over it at least: those of genes that are hardly there are noise.
_MAX_FOLD = 20.0
#: Mean log-normalised expression of a gene, at least.
_MIN_LEVEL = 1e-3


@TRANSFORMS.register("log_normalize")
class LogNormalize(CellTransform):
    """Counts as they are for generators; ``log1p(counts / library * size)`` for encoders.

    Parameters
    ----------
    spec
        Counts.
    n_components
        Principal components of these values that are the ground coordinates, given with the transform; None: the values
        themselves, of which ``size``, the median library, is then learnt.
    ground_is_read
        Whether encoders read these components.
    """

    supports = frozenset({"counts"})
    ground_scale = 1.0

    size: Tensor
    components: Tensor
    mean: Tensor

    def __init__(self, spec: CellSpec, *, n_components: int | None = None, ground_is_read: bool = False) -> None:
        super().__init__(spec)
        self.n_components, self.ground_is_read = n_components, ground_is_read
        self.register_buffer("size", torch.ones(()))
        self.register_buffer("components", torch.zeros(spec.size, n_components or 0))
        self.register_buffer("mean", torch.zeros(spec.size))

    @property
    def n_ground(self) -> int:
        """Number of ground coordinates."""
        return self.n_components or self.spec.size

    def fit(self, blocks: Iterable[Tensor]) -> None:
        if self.n_components is None:
            self.size.copy_(torch.cat([block.sum(1) for block in blocks]).clamp_min(1).median())

    def encoder_input(self, x: Tensor) -> Tensor:
        return (x * (self.size / x.sum(-1, keepdim=True).clamp_min(1))).log1p()

    def target(self, x: Tensor) -> Tensor:
        return x

    def restore(self, x: Tensor) -> Tensor:
        return x

    def ground(self, x: Tensor) -> Tensor:
        values = self.encoder_input(x)
        if self.n_components is None:
            return values
        return (values - self.mean) @ self.components.to(values.dtype)

    def log_fold_changes(self, ground: Tensor) -> Tensor:
        """Log fold changes of rates of genes between all cells and components ``(S, D)`` of means, shape ``(S, G)``."""
        level = self.mean.clamp_min(_MIN_LEVEL)
        value = (level + ground @ self.components.T).clamp_min(0)
        return (value.expm1() / level.expm1()).clamp(1 / _MAX_FOLD, _MAX_FOLD).log()
