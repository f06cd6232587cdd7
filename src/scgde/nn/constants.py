"""Constant matrices of networks, made so that the device ``"meta"`` does not load the compiler of torch for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def identity(n_rows: int, n_columns: int) -> Tensor:
    """Ones on the diagonal, zeros elsewhere, shape ``(n_rows, n_columns)``."""
    return torch.zeros(n_rows, n_columns).fill_diagonal_(1.0)


def upper_pairs(n: int) -> Tensor:
    """Row and column of each entry on and above the diagonal of a square matrix, shape ``(2, n (n + 1) / 2)``."""
    return torch.from_numpy(np.stack(np.triu_indices(n)))
