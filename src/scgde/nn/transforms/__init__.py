"""Transforms: what networks see of a cell, and the inverse, to the units of the data."""

from __future__ import annotations

from scgde.nn.transforms._affine import Affine
from scgde.nn.transforms._base import TRANSFORMS, CellTransform
from scgde.nn.transforms._identity import Identity

__all__ = ["TRANSFORMS", "Affine", "CellTransform", "Identity"]
