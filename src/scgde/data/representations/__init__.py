"""What one cell is, and how it comes from an AnnData and goes back."""

from __future__ import annotations

from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._components import Components
from scgde.data.representations._count_layer import CountLayer
from scgde.data.representations._counts import Counts
from scgde.data.representations._images import Images
from scgde.data.representations._pca import PCALoadings
from scgde.data.representations._tokens import Tokens
from scgde.data.representations._vectors import Vectors

__all__ = [
    "REPRESENTATIONS",
    "Components",
    "CountLayer",
    "Counts",
    "Images",
    "PCALoadings",
    "Representation",
    "Tokens",
    "Vectors",
]
