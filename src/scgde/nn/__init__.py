"""Networks and losses, on torch only."""

from __future__ import annotations

from scgde.nn import (
    backbones,
    couplings,
    divergences,
    encoders,
    featurizers,
    generators,
    heads,
    independence,
    transports,
)
from scgde.nn.backbones import Backbone
from scgde.nn.encoders import Encoder
from scgde.nn.featurizers import Featurizer
from scgde.nn.generators import Generator
from scgde.nn.transports import Transport

__all__ = [
    "Backbone",
    "Encoder",
    "Featurizer",
    "Generator",
    "Transport",
    "backbones",
    "couplings",
    "divergences",
    "encoders",
    "featurizers",
    "generators",
    "heads",
    "independence",
    "transports",
]
