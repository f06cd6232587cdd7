"""Set encoders: from a weighted set of cells to one vector."""

from __future__ import annotations

from scgde.nn.encoders._base import Encoder, MeanPoolingEncoder, encoders
from scgde.nn.encoders._deep_sets import DeepSets
from scgde.nn.encoders._pooled_gnn import PooledGNN

__all__ = ["DeepSets", "Encoder", "MeanPoolingEncoder", "PooledGNN", "encoders"]
