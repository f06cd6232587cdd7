from __future__ import annotations

from abc import ABC, abstractmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from scgde._registry import Registry
from scgde.nn.cells import CellSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np

    from scgde._types import Config


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
    #: Of cells that are modelled but not read: whether their ground coordinates are what is read.
    ground_is_read: bool = False
    #: Whether the mean of ground coordinates describes a set so well that an embedding may contain it.
    describes_by_means: ClassVar[bool] = False

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

    @property
    @abstractmethod
    def ground_scale(self) -> float:
        """Units of the data per unit of the ground coordinates; 1 where they have no unit in common."""

    @abstractmethod
    def ground(self, x: Tensor) -> Tensor:
        """Fixed coordinates in which distances between cells mean something, ``(S, M, *shape)`` to ``(S, M, D)``."""

    def shift(self, x: Tensor, displacement: Tensor) -> Tensor:
        """Cells ``(S, M, *shape)`` whose ground coordinates are displaced by ``(S, D)``; no cell changes by zeros.

        Raises
        ------
        TypeError
            If cells of this kind cannot be shifted, as it is unless a subclass says otherwise.
        """
        msg = f"Cells that can be shifted are required, but {type(self).__name__} does not say how."
        raise TypeError(msg)

    def log_fold_changes(self, ground: Tensor) -> Tensor | None:
        """Log fold changes of rates of genes ``(S, G)`` at mean ground coordinates ``(S, D)``; None without rates."""
        return None


TRANSFORMS: Registry[CellTransform] = Registry("transform")


class TransformSpec(NamedTuple):
    """A transform that is not made yet: what a representation says of its cells, and what a model stores of them.

    Attributes
    ----------
    name
        In ``TRANSFORMS``.
    cells
        Cells in the units of the data.
    options
        Of the transform, plain values.
    state
        Buffers that are known before the fit, by name. They are stored with the weights of the module.
    """

    name: str
    cells: CellSpec
    options: Config
    state: Mapping[str, np.ndarray] = MappingProxyType({})

    def build(self) -> CellTransform:
        """The transform, not fitted."""
        transform = TRANSFORMS[self.name](self.cells, **self.options)
        for name, values in self.state.items():
            transform.get_buffer(name).copy_(torch.as_tensor(values))
        return transform

    def to_config(self) -> Config:
        """As plain values."""
        cells = self.cells._asdict() | {"dtype": self.cells.numpy_dtype}
        return {"name": self.name, "cells": cells | {"shape": list(self.cells.shape)}, "options": self.options}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Inverse of :meth:`to_config`."""
        cells = config["cells"]
        known = cells | {"shape": tuple(cells["shape"]), "dtype": getattr(torch, cells["dtype"])}
        spec = CellSpec(**known)
        return cls(config["name"], spec, config["options"])
