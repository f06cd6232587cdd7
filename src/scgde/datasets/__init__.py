"""Simulators with known truth, and readers of published data."""

from __future__ import annotations

from scgde.datasets._bodenmiller import bodenmiller
from scgde.datasets._clones import clones
from scgde.datasets._cohort import cohort
from scgde.datasets._covid import covid
from scgde.datasets._cytometry_cohort import cytometry_cohort
from scgde.datasets._digit_sets import digit_sets
from scgde.datasets._gaussian_mixture_sets import gaussian_mixture_sets
from scgde.datasets._gaussian_sets import gaussian_sets
from scgde.datasets._igan import igan
from scgde.datasets._larry import larry
from scgde.datasets._methylation_sets import methylation_sets
from scgde.datasets._multinomial_sets import multinomial_sets
from scgde.datasets._norman import norman
from scgde.datasets._onek1k import onek1k
from scgde.datasets._papalexi import papalexi
from scgde.datasets._perez import perez
from scgde.datasets._perturbations import perturbations
from scgde.datasets._promoters import promoters
from scgde.datasets._sequence_multinomial_sets import sequence_multinomial_sets
from scgde.datasets._tcr import tcr
from scgde.datasets._viral_proteins import viral_proteins

__all__ = [
    "bodenmiller",
    "clones",
    "cohort",
    "covid",
    "cytometry_cohort",
    "digit_sets",
    "gaussian_mixture_sets",
    "gaussian_sets",
    "igan",
    "larry",
    "methylation_sets",
    "multinomial_sets",
    "norman",
    "onek1k",
    "papalexi",
    "perez",
    "perturbations",
    "promoters",
    "sequence_multinomial_sets",
    "tcr",
    "viral_proteins",
]
