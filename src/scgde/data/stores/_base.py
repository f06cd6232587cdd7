from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
    from torch import Tensor


class CellStore(ABC):
    """Cells as tensors, by row.

    A store decides where cells come from, never which: rows are drawn before, from the seed and the step.

    Attributes
    ----------
    shape
        Of one cell, ``(G,)`` for a vector.
    dtype
        Of the values of a cell.
    slow
        Why random rows are slow to reach, as text for a warning; None where they are not.
    """

    slow: str | None = None

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)

    @abstractmethod
    def rows(self, rows: np.ndarray) -> np.ndarray:
        """Cells of ``rows``, which may repeat, as an array of its own of shape ``(n, *shape)``."""

    def is_held_on(self, device: torch.device) -> bool:
        """Whether all cells are held on a device that is not the CPU, so that rows are best taken there."""
        return False

    def gather(self, rows: Tensor) -> Tensor:
        """Cells of ``rows``, shape ``(...)`` to ``(..., *shape)``, on the device of ``rows``."""
        cells = self.rows(rows.cpu().numpy().ravel())
        return torch.from_numpy(cells).view(*rows.shape, *self.shape).to(rows.device)
