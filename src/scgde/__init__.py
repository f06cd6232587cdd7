"""Generative distribution embeddings and transport for populations of cells."""

from __future__ import annotations

import os

import lazy_loader

__version__ = "0.1.0"

# OpenMP threads that wait for each other give up their core, in place of spinning: on a machine with other work on it,
# two threads would take many times as long as one. Read when torch loads; a value of the user's stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Heavy libraries (torch, scvi-tools, scanpy) load with the first attribute that needs them.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "data",
        "datasets",
        "get",
        "metrics",
        "model",
        "nn",
        "pl",
        "pp",
        "predictors",
        "sets",
        "stats",
        "tl",
    ],
    submod_attrs={"_settings": ["settings"]},
)
