from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from scgde._registry import Registry


class Featurizer(nn.Module, ABC):
    """Map from one cell to a vector, cell by cell, before an encoder sees the set.

    A subclass is made as ``Featurizer(spec, *, ...)`` from the :class:`~scgde.nn.cells.CellSpec` of its input, and
    sets ``n_output``.

    Attributes
    ----------
    n_output
        Dimensions of the vector of a cell: ``n_input`` of the encoder.
    """

    #: Kinds of cells that it takes.
    supports: ClassVar[frozenset[str]] = frozenset({"continuous"})

    n_output: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Cells ``(S, M, *shape)`` to vectors ``(S, M, n_output)``."""


FEATURIZERS: Registry[Featurizer] = Registry("featurizer")
