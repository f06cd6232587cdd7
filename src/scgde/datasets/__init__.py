"""Simulators with known ground truth."""

from __future__ import annotations

from scgde.datasets._clones import clones
from scgde.datasets._cohort import cohort
from scgde.datasets._cytometry_cohort import cytometry_cohort
from scgde.datasets._digit_sets import digit_sets
from scgde.datasets._gaussian_mixture_sets import gaussian_mixture_sets
from scgde.datasets._gaussian_sets import gaussian_sets
from scgde.datasets._multinomial_sets import multinomial_sets
from scgde.datasets._perturbations import perturbations
from scgde.datasets._sequence_multinomial_sets import sequence_multinomial_sets

__all__ = [
    "clones",
    "cohort",
    "cytometry_cohort",
    "digit_sets",
    "gaussian_mixture_sets",
    "gaussian_sets",
    "multinomial_sets",
    "perturbations",
    "sequence_multinomial_sets",
]
