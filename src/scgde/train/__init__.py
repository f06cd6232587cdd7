"""How a module is trained."""

from __future__ import annotations

from scgde.train._devices import check_devices
from scgde.train._plan import SetTrainingPlan
from scgde.train._run import run_training
from scgde.train._seeded import rng_of, seeded
from scgde.train._state_file import open_state_file
from scgde.train._surroundings import own_surroundings

__all__ = [
    "SetTrainingPlan",
    "check_devices",
    "open_state_file",
    "own_surroundings",
    "rng_of",
    "run_training",
    "seeded",
]
