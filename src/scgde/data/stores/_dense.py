from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde.data.stores._base import CellStore
from scgde.data.stores._blocks import blocks

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
    from torch import Tensor

#: An array up to this size is moved to an accelerator as a whole.
MAX_DEVICE_BYTES = 2 * 1024**3


class DenseStore(CellStore):
    """A dense array in memory, or mapped from a file. It is never copied: cells are converted as they are read.

    Parameters
    ----------
    x
        One cell a row, shape ``(n_obs, *shape)``.
    dtype
        Type of the values of a cell, as networks take them.
    max_device_bytes
        Up to this size it is held on an accelerator, once rows on one are asked for.
    """

    def __init__(
        self, x: np.ndarray, dtype: DTypeLike = np.float32, *, max_device_bytes: int = MAX_DEVICE_BYTES
    ) -> None:
        super().__init__(x.shape[1:], dtype)
        self._x = x
        self._fits = math.prod(x.shape) * self.dtype.itemsize <= max_device_bytes
        self._on_device: Tensor | None = None
        if 0 < x.strides[0] < x.strides[-1]:
            self.slow = "they are stored column by column; `np.ascontiguousarray` copies them row by row"

    def rows(self, rows: np.ndarray) -> np.ndarray:
        # `take` would copy all of an array in another order.
        cells = self._x.take(rows, axis=0) if self._x.flags.c_contiguous else self._x[rows]
        return np.asarray(cells, dtype=self.dtype)

    def is_held_on(self, device: torch.device) -> bool:
        return self._fits and device.type != "cpu"

    def gather(self, rows: Tensor) -> Tensor:
        if not self.is_held_on(rows.device):
            return super().gather(rows)
        if self._on_device is None or self._on_device.device != rows.device:
            self._on_device = self._moved_to(rows.device)
        return self._on_device[rows]

    def _moved_to(self, device: torch.device) -> Tensor:
        """All cells on a device; on the way there is one block in memory."""
        held = torch.empty(self._x.shape, dtype=torch.from_numpy(np.empty(0, self.dtype)).dtype, device=device)
        for start, block in blocks(self._x, dtype=self.dtype):
            held[start : start + len(block)] = torch.tensor(block)
        return held
