"""Fit, embed, generate: the functions that most users need."""

from __future__ import annotations

from scgde.results._explanation import Explanation
from scgde.results._set_comparison import SetComparison
from scgde.tl._associate import associate
from scgde.tl._classify import classify
from scgde.tl._compare_groups import GroupComparison, compare_all_groups, compare_groups
from scgde.tl._compare_sets import compare_all_sets, compare_sets
from scgde.tl._convergence import convergence
from scgde.tl._distances import distances
from scgde.tl._embed import embed
from scgde.tl._evaluate_embedding import evaluate_embedding
from scgde.tl._evaluate_perturbations import PerturbationScores, evaluate_perturbations
from scgde.tl._evaluate_transport import evaluate_transport
from scgde.tl._explain import explain
from scgde.tl._fit_decoder import fit_decoder
from scgde.tl._fit_gde import fit_gde
from scgde.tl._fit_predictor import fit_predictor
from scgde.tl._fit_tde import fit_tde
from scgde.tl._forecast import forecast
from scgde.tl._generate import generate
from scgde.tl._interpolate import interpolate
from scgde.tl._log_likelihood import log_likelihood
from scgde.tl._predict_perturbations import predict_perturbations
from scgde.tl._score_generation import score_generation
from scgde.tl._transport import transport
from scgde.tl._uncertainty import uncertainty

__all__ = [
    "Explanation",
    "GroupComparison",
    "PerturbationScores",
    "SetComparison",
    "associate",
    "classify",
    "compare_all_groups",
    "compare_all_sets",
    "compare_groups",
    "compare_sets",
    "convergence",
    "distances",
    "embed",
    "evaluate_embedding",
    "evaluate_perturbations",
    "evaluate_transport",
    "explain",
    "fit_decoder",
    "fit_gde",
    "fit_predictor",
    "fit_tde",
    "forecast",
    "generate",
    "interpolate",
    "log_likelihood",
    "predict_perturbations",
    "score_generation",
    "transport",
    "uncertainty",
]
