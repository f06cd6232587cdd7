"""Fit, embed, generate: the functions that most users need."""

from __future__ import annotations

from scgde.tl._compare_sets import compare_all_sets, compare_sets
from scgde.tl._convergence import convergence
from scgde.tl._distances import distances
from scgde.tl._embed import embed
from scgde.tl._fit_gde import fit_gde
from scgde.tl._generate import generate
from scgde.tl._interpolate import interpolate
from scgde.tl._score import score_generation
from scgde.tl._uncertainty import uncertainty

__all__ = [
    "compare_all_sets",
    "compare_sets",
    "convergence",
    "distances",
    "embed",
    "fit_gde",
    "generate",
    "interpolate",
    "score_generation",
    "uncertainty",
]
