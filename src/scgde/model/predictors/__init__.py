"""Forecasts of the embedding of a target set from that of its source."""

from __future__ import annotations

from scgde.model.predictors._base import Predictor, predictors
from scgde.model.predictors._flow import Flow
from scgde.model.predictors._kernel import Kernel
from scgde.model.predictors._mlp import MLP
from scgde.model.predictors._neighbors import Neighbors
from scgde.model.predictors._ridge import Ridge

__all__ = ["MLP", "Flow", "Kernel", "Neighbors", "Predictor", "Ridge", "predictors"]
