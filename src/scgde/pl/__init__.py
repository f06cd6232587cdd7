"""Figures of what :mod:`scgde.tl` wrote.

As in scanpy, every function takes ``ax``, ``show`` and ``save``. It returns the axes that it drew on, or None where it
showed the figure: pass ``show=False`` to get the axes in every case.
"""

from __future__ import annotations

from scgde.pl._associations import associations
from scgde.pl._classification import classification
from scgde.pl._composition import composition
from scgde.pl._convergence import convergence
from scgde.pl._counts import counts
from scgde.pl._distances import distances
from scgde.pl._embedding import embedding
from scgde.pl._explain import explain
from scgde.pl._generated import generated
from scgde.pl._genes import genes
from scgde.pl._groups import groups
from scgde.pl._history import history
from scgde.pl._interpolation import interpolation
from scgde.pl._perturbations import perturbations
from scgde.pl._scores import scores
from scgde.pl._sequences import sequences
from scgde.pl._transport import transport
from scgde.pl._uncertainty import uncertainty

__all__ = [
    "associations",
    "classification",
    "composition",
    "convergence",
    "counts",
    "distances",
    "embedding",
    "explain",
    "generated",
    "genes",
    "groups",
    "history",
    "interpolation",
    "perturbations",
    "scores",
    "sequences",
    "transport",
    "uncertainty",
]
