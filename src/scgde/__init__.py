"""Generative distribution embeddings and transport for populations of cells."""

from __future__ import annotations

import lazy_loader

__version__ = "0.1.0"

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
)
