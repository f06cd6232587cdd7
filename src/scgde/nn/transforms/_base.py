from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor, nn

from scgde._registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec


class CellTransform(nn.Module, ABC):
    """Map from cells in the units of the data to what networks see, stored with the module.

    A subclass is made as ``Transform(spec, *, ...)``.

    Parameters
    ----------
    spec
        Cells in the units of the data.
    """

    #: Kinds of cells that it takes.
    supports: ClassVar[frozenset[str]] = frozenset({"continuous"})

    def __init__(self, spec: CellSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Learn from the cells of the training sets, which come once, in blocks ``(n, *shape)``."""

    @abstractmethod
    def encoder_input(self, x: Tensor) -> Tensor:
        """What featurizers see of cells ``(S, M, *shape)``."""

    @abstractmethod
    def target(self, x: Tensor) -> Tensor:
        """What generators and transports model of cells ``(S, M, *shape)``."""

    @abstractmethod
    def restore(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`target`, for cells of shape ``(..., *shape)``."""

    @abstractmethod
    def ground(self, x: Tensor) -> Tensor:
        """Fixed coordinates in which distances between cells mean something, ``(S, M, *shape)`` to ``(S, M, D)``."""


TRANSFORMS: Registry[CellTransform] = Registry("transform")
