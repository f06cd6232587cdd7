"""Distances between sets of cells, on plain arrays; ``METRICS`` holds them by name."""

from __future__ import annotations

from scgde._types import Measure
from scgde.metrics._all_pairs import AllPairs
from scgde.metrics._energy import energy_distance
from scgde.metrics._gaussian import gaussian_wasserstein
from scgde.metrics._mmd import mmd
from scgde.metrics._pooled import median_bandwidth
from scgde.metrics._pseudobulk import pseudobulk_distance, pseudobulk_sd_distance
from scgde.metrics._registry import METRICS, CellMetric
from scgde.metrics._sequences import edit_distance, kmer_distance
from scgde.metrics._sinkhorn import sinkhorn_divergence
from scgde.metrics._sliced import sliced_wasserstein
from scgde.metrics._split_half import split_half
from scgde.metrics._wasserstein import wasserstein

__all__ = [
    "METRICS",
    "AllPairs",
    "CellMetric",
    "Measure",
    "edit_distance",
    "energy_distance",
    "gaussian_wasserstein",
    "kmer_distance",
    "median_bandwidth",
    "mmd",
    "pseudobulk_distance",
    "pseudobulk_sd_distance",
    "sinkhorn_divergence",
    "sliced_wasserstein",
    "split_half",
    "wasserstein",
]
