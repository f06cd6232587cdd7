"""Between an AnnData and a fit: what is written, what is read, and columns and distances of fitted sets."""

from __future__ import annotations

from scgde.results._covariances import SetCovariances
from scgde.results._distance_matrix import DistanceMatrix
from scgde.results._fitted_sets import FittedSets
from scgde.results._set_columns import write_predictions
from scgde.results._store import read_model, resolve_reference, write_fit
from scgde.sets._fitted_column import set_column

__all__ = [
    "DistanceMatrix",
    "FittedSets",
    "SetCovariances",
    "read_model",
    "resolve_reference",
    "set_column",
    "write_fit",
    "write_predictions",
]
