"""Conditional generators: from one vector to a distribution over cells."""

from __future__ import annotations

from scgde.nn.generators._autoregressive import Autoregressive
from scgde.nn.generators._base import GENERATORS, Generator
from scgde.nn.generators._cvae import CVAE
from scgde.nn.generators._diffusion import Diffusion
from scgde.nn.generators._energy import Energy
from scgde.nn.generators._flow_matching import FlowMatching
from scgde.nn.generators._masked_flow import MaskedFlow
from scgde.nn.generators._mmd import MMD
from scgde.nn.generators._sinkhorn import Sinkhorn
from scgde.nn.generators._sliced_wasserstein import SlicedWasserstein
from scgde.nn.generators._wormhole import Wormhole

__all__ = [
    "CVAE",
    "GENERATORS",
    "MMD",
    "Autoregressive",
    "Diffusion",
    "Energy",
    "FlowMatching",
    "Generator",
    "MaskedFlow",
    "Sinkhorn",
    "SlicedWasserstein",
    "Wormhole",
]
