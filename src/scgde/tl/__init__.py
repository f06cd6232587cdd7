"""Fit, embed, generate: the functions that most users need."""

from __future__ import annotations

from scgde.tl._embed import embed
from scgde.tl._fit_gde import fit_gde
from scgde.tl._generate import generate
from scgde.tl._score import score_generation

__all__ = ["embed", "fit_gde", "generate", "score_generation"]
