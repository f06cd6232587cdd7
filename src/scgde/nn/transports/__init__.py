"""Maps from the cells of one set to those of another, given the contexts of both."""

from __future__ import annotations

from scgde.nn.transports._base import TRANSPORTS, Transport
from scgde.nn.transports._conditions import (
    CONDITIONS,
    BothEmbeddings,
    LookupTable,
    SourceOnly,
    TransportCondition,
)
from scgde.nn.transports._energy import Energy
from scgde.nn.transports._flow_matching import FlowMatching
from scgde.nn.transports._masked_flow import MaskedFlow
from scgde.nn.transports._mmd import MMD
from scgde.nn.transports._sinkhorn import Sinkhorn
from scgde.nn.transports._sliced_wasserstein import SlicedWasserstein

__all__ = [
    "CONDITIONS",
    "MMD",
    "TRANSPORTS",
    "BothEmbeddings",
    "Energy",
    "FlowMatching",
    "LookupTable",
    "MaskedFlow",
    "Sinkhorn",
    "SlicedWasserstein",
    "SourceOnly",
    "Transport",
    "TransportCondition",
]
