"""Conditional generators: from one vector to a distribution over cells."""

from __future__ import annotations

from scgde.nn.generators._base import Generator, generators
from scgde.nn.generators._diffusion import Diffusion
from scgde.nn.generators._flow_matching import FlowMatching

__all__ = ["Diffusion", "FlowMatching", "Generator", "generators"]
