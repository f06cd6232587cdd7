"""Networks and losses, on torch only."""

from __future__ import annotations

from scgde.nn import (
    backbones,
    couplings,
    divergences,
    encoders,
    featurizers,
    generators,
    hsic,
    label_heads,
    transports,
)
from scgde.nn.backbones import BACKBONES, Backbone
from scgde.nn.encoders import ENCODERS, Encoder
from scgde.nn.featurizers import FEATURIZERS, Featurizer
from scgde.nn.generators import GENERATORS, Generator
from scgde.nn.transports import TRANSPORTS, Transport

__all__ = [
    "BACKBONES",
    "ENCODERS",
    "FEATURIZERS",
    "GENERATORS",
    "TRANSPORTS",
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
    "hsic",
    "label_heads",
    "transports",
]
