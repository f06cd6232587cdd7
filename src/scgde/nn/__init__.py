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
    transforms,
    transports,
)
from scgde.nn.backbones import BACKBONES, Backbone
from scgde.nn.cells import CellSpec, Ends, Measure, SetBatch
from scgde.nn.conditions import Conditions
from scgde.nn.encoders import ENCODERS, Encoder
from scgde.nn.featurizers import FEATURIZERS, Featurizer
from scgde.nn.generators import GENERATORS, Generator
from scgde.nn.transforms import TRANSFORMS, CellTransform
from scgde.nn.transports import CONDITIONS, TRANSPORTS, Transport, TransportCondition

__all__ = [
    "BACKBONES",
    "CONDITIONS",
    "ENCODERS",
    "FEATURIZERS",
    "GENERATORS",
    "TRANSFORMS",
    "TRANSPORTS",
    "Backbone",
    "CellSpec",
    "CellTransform",
    "Conditions",
    "Encoder",
    "Ends",
    "Featurizer",
    "Generator",
    "Measure",
    "SetBatch",
    "Transport",
    "TransportCondition",
    "backbones",
    "couplings",
    "divergences",
    "encoders",
    "featurizers",
    "generators",
    "hsic",
    "label_heads",
    "transforms",
    "transports",
]
