"""Probability paths between noise (time 0) and cells (time 1)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from scgde.nn.cells import like_cells


class PathPoint(NamedTuple):
    """A point on a path and its velocity, each of shape ``(S, M, *shape)``."""

    x: Tensor
    velocity: Tensor


def straight_path(start: Tensor, end: Tensor, time: Tensor) -> PathPoint:
    """Straight line from ``start`` to ``end`` at ``time``, shape ``(S, M)``."""
    return PathPoint(start + like_cells(time, start) * (end - start), end - start)


def random_times(x: Tensor) -> Tensor:
    """Uniform times in [0, 1] of cells ``(S, M, *shape)``, shape ``(S, M)``."""
    return torch.rand(x.shape[:2], dtype=x.dtype, device=x.device)


class NoiseLevel(NamedTuple):
    """Share of the cell and of the noise, x_t = signal x + noise eps; squares sum to 1."""

    signal: Tensor
    noise: Tensor


def cosine_schedule(time: Tensor) -> NoiseLevel:
    """Variance-preserving cosine schedule; ``time`` 0 is noise, 1 is the cell."""
    angle = 0.5 * math.pi * time
    return NoiseLevel(torch.sin(angle), torch.cos(angle))
