"""Distances between clouds of cells, on plain arrays."""

from __future__ import annotations

from scgde._types import Measure
from scgde.metrics._energy import energy_distance
from scgde.metrics._gaussian import gaussian_wasserstein
from scgde.metrics._mmd import mmd
from scgde.metrics._sinkhorn import sinkhorn_divergence
from scgde.metrics._sliced import sliced_wasserstein
from scgde.metrics._split_half import split_half
from scgde.metrics._wasserstein import wasserstein

__all__ = [
    "Measure",
    "energy_distance",
    "gaussian_wasserstein",
    "mmd",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "split_half",
    "wasserstein",
]
