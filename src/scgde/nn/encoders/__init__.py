"""Set encoders: from a weighted set of cells to one vector."""

from __future__ import annotations

from scgde.nn.encoders._base import ENCODERS, Encoder, MeanPoolingEncoder
from scgde.nn.encoders._deep_sets import DeepSets
from scgde.nn.encoders._kernel_mean import KernelMean
from scgde.nn.encoders._median_gnn import MedianGNN
from scgde.nn.encoders._moments import Moments
from scgde.nn.encoders._pooled_attention import PooledAttention
from scgde.nn.encoders._pooled_gnn import PooledGNN
from scgde.nn.encoders._residual_attention import ResidualAttention
from scgde.nn.encoders._residual_gnn import ResidualGNN
from scgde.nn.encoders._wormhole import Wormhole

__all__ = [
    "ENCODERS",
    "DeepSets",
    "Encoder",
    "KernelMean",
    "MeanPoolingEncoder",
    "MedianGNN",
    "Moments",
    "PooledAttention",
    "PooledGNN",
    "ResidualAttention",
    "ResidualGNN",
    "Wormhole",
]
