"""Transforms: what networks see of a cell, and the inverse, to the units of the data."""

from __future__ import annotations

from scgde.nn.transforms._affine import METHODS, Affine
from scgde.nn.transforms._base import TRANSFORMS, CellTransform, TransformSpec
from scgde.nn.transforms._channels import Channels, ground_shape
from scgde.nn.transforms._identity import Identity
from scgde.nn.transforms._kmer_counts import KmerCounts
from scgde.nn.transforms._log_normalize import LogNormalize

__all__ = [
    "METHODS",
    "TRANSFORMS",
    "Affine",
    "CellTransform",
    "Channels",
    "Identity",
    "KmerCounts",
    "LogNormalize",
    "TransformSpec",
    "ground_shape",
]
