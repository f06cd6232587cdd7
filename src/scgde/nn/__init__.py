"""Networks and losses, on torch only."""

from __future__ import annotations

from scgde.nn import backbones, divergences, encoders, generators
from scgde.nn.backbones import Backbone
from scgde.nn.encoders import Encoder
from scgde.nn.generators import Generator

__all__ = ["Backbone", "Encoder", "Generator", "backbones", "divergences", "encoders", "generators"]
