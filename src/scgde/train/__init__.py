"""How a module is trained."""

from __future__ import annotations

from scgde.train._plan import SetTrainingPlan
from scgde.train._run import run_training
from scgde.train._seeded import seeded

__all__ = ["SetTrainingPlan", "run_training", "seeded"]
