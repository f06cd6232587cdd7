"""Tests, scores and linear models on plain arrays: no AnnData, no networks."""

from __future__ import annotations

from scgde.stats._classification_scores import BOUNDS, calibration_error, class_scores, interval, number_scores
from scgde.stats._cross_validation import Split, n_groups_of_rarest, splits
from scgde.stats._dependence import predictability
from scgde.stats._embedding_scores import (
    Score,
    knn_classes,
    knn_numbers,
    linear_classes,
    linear_numbers,
    order_along_a_line,
    order_of_distances,
    replicates,
)
from scgde.stats._energy_decomposition import PARTS, Decomposition, decompose, energy_by_feature, state_shares
from scgde.stats._extrapolation import in_support
from scgde.stats._hotelling import Hotelling, hotelling, separate_df
from scgde.stats._linear_probe import Labels, Linear, Standardizer, fit_linear, fit_predict, losses
from scgde.stats._mahalanobis import mahalanobis, noise_corrected, standard_errors
from scgde.stats._multiple_testing import q_values
from scgde.stats._permanova import POWERS, Partition, degrees_of_freedom, inner_products, partition, residualize
from scgde.stats._permutation import arrangements, n_arrangements, p_value, shuffles
from scgde.stats._simplex import best_shares, loss_of_shares

__all__ = [
    "BOUNDS",
    "PARTS",
    "POWERS",
    "Decomposition",
    "Hotelling",
    "Labels",
    "Linear",
    "Partition",
    "Score",
    "Split",
    "Standardizer",
    "arrangements",
    "best_shares",
    "calibration_error",
    "class_scores",
    "decompose",
    "degrees_of_freedom",
    "energy_by_feature",
    "fit_linear",
    "fit_predict",
    "hotelling",
    "in_support",
    "inner_products",
    "interval",
    "knn_classes",
    "knn_numbers",
    "linear_classes",
    "linear_numbers",
    "loss_of_shares",
    "losses",
    "mahalanobis",
    "n_arrangements",
    "n_groups_of_rarest",
    "noise_corrected",
    "number_scores",
    "order_along_a_line",
    "order_of_distances",
    "p_value",
    "partition",
    "predictability",
    "q_values",
    "replicates",
    "residualize",
    "separate_df",
    "shuffles",
    "splits",
    "standard_errors",
    "state_shares",
]
