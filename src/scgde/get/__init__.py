"""Results out of AnnData."""

from __future__ import annotations

from scgde.get._perturbation_effects import perturbation_effects
from scgde.get._sets import sets

__all__ = ["perturbation_effects", "sets"]
