"""Networks and losses, on torch only."""

from __future__ import annotations

from scgde.nn import backbones, divergences, encoders, featurizers, generators
from scgde.nn.backbones import Backbone
from scgde.nn.encoders import Encoder
from scgde.nn.featurizers import Featurizer
from scgde.nn.generators import Generator

__all__ = [
    "Backbone",
    "Encoder",
    "Featurizer",
    "Generator",
    "backbones",
    "divergences",
    "encoders",
    "featurizers",
    "generators",
]
