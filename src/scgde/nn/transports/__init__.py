"""Maps from the cells of one set to those of another, given both embeddings."""

from __future__ import annotations

from scgde.nn.transports._base import TRANSPORTS, Transport
from scgde.nn.transports._energy import Energy
from scgde.nn.transports._flow_matching import FlowMatching
from scgde.nn.transports._mmd import MMD
from scgde.nn.transports._sinkhorn import Sinkhorn
from scgde.nn.transports._sliced_wasserstein import SlicedWasserstein

__all__ = ["MMD", "TRANSPORTS", "Energy", "FlowMatching", "Sinkhorn", "SlicedWasserstein", "Transport"]
