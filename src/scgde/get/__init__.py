"""Results out of AnnData, and AnnData out of collections of them."""

from __future__ import annotations

from scgde.get._modality import modality
from scgde.get._perturbation_effects import perturbation_effects
from scgde.get._sets import sets
from scgde.get._table import table

__all__ = ["modality", "perturbation_effects", "sets", "table"]
