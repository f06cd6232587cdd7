"""Distances between clouds of cells, on plain arrays."""

from __future__ import annotations

from scgde.metrics.energy import energy_distance
from scgde.metrics.gaussian import gaussian_wasserstein
from scgde.metrics.mmd import mmd
from scgde.metrics.sinkhorn import sinkhorn_divergence
from scgde.metrics.sliced import sliced_wasserstein
from scgde.metrics.split_half import split_half
from scgde.metrics.wasserstein import wasserstein

__all__ = [
    "energy_distance",
    "gaussian_wasserstein",
    "mmd",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "split_half",
    "wasserstein",
]
