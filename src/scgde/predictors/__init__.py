"""Predictors: from the embedding of a source set to a distribution over embeddings of its target."""

from __future__ import annotations

from scgde.predictors._additive import Additive
from scgde.predictors._base import PREDICTORS, Predictor
from scgde.predictors._displacement import DisplacementPredictor
from scgde.predictors._effect_ridge import EffectRidge
from scgde.predictors._flow import Flow
from scgde.predictors._inputs import Inputs, PairScaling
from scgde.predictors._kernel import Kernel
from scgde.predictors._make import make_predictor
from scgde.predictors._mlp import MLP
from scgde.predictors._neighbors import Neighbors
from scgde.predictors._ridge import Ridge

__all__ = [
    "MLP",
    "PREDICTORS",
    "Additive",
    "DisplacementPredictor",
    "EffectRidge",
    "Flow",
    "Inputs",
    "Kernel",
    "Neighbors",
    "PairScaling",
    "Predictor",
    "Ridge",
    "make_predictor",
]
