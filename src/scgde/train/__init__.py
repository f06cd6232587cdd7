"""How a module is trained."""

from __future__ import annotations

from scgde.train._plan import SetTrainingPlan, seeded
from scgde.train._run import run_training

__all__ = ["SetTrainingPlan", "run_training", "seeded"]
