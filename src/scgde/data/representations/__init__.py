"""What one cell is, and how it comes from an AnnData and goes back."""

from __future__ import annotations

from scgde.data.representations._base import REPRESENTATIONS, Representation
from scgde.data.representations._images import Images
from scgde.data.representations._pca import PCALoadings
from scgde.data.representations._vectors import Vectors

__all__ = ["REPRESENTATIONS", "Images", "PCALoadings", "Representation", "Vectors"]
