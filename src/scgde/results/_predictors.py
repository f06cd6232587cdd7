"""Predictors of a transport: fitted on its training pairs, with what forecasts mix or how perturbed cells move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys
from scgde.model._predictor_fit import ends_of, fit_on_pairs
from scgde.results._choose_mixture import fit_mixture, is_worth_validating
from scgde.results._choose_move import choose_move
from scgde.results._perturbed import PERTURBATIONS
from scgde.sets._pairs import CONTROL, PERTURBATION, covariate_names
from scgde.sets._perturbations import ConditionFeatures

if TYPE_CHECKING:
    import pandas as pd

    from scgde.model._base_tde import BaseTDE
    from scgde.predictors import Predictor
    from scgde.results._fitted_sets import FittedSets
    from scgde.sets import Pairing

#: Training pairs that are enough to learn a transport without a target from.
_MANY_PAIRS = 200


def default_predictor(name: str | None, pairs: pd.DataFrame) -> str | None:
    """The predictor that ``"auto"`` stands for."""
    if name != "auto":
        return name
    return "additive" if PERTURBATION in pairs else "kernel"


def shares_of_pairs(
    pairs: pd.DataFrame,
    pair_fraction: float | None = None,
    target_dropout: float | None = None,
    *,
    only_pairs: bool,
    can_drop: bool,
) -> dict[str, float]:
    """Share of given pairs in a step, and share of these that come without a target; as asked for, or by default.

    Parameters
    ----------
    pairs
        With their ``split``.
    pair_fraction, target_dropout
        Those asked for.
    only_pairs
        Whether the transport learns from given pairs alone.
    can_drop
        Whether forecasts may be mixed of one without a target.
    """
    has_many = int((pairs[_keys.SPLIT] == "train").sum()) >= _MANY_PAIRS
    dropped = 0.5 if can_drop and has_many and is_worth_validating(pairs) else 0.0
    given = 1.0 if only_pairs else max(dropped, 0.25)
    return {
        "pair_fraction": given if pair_fraction is None else pair_fraction,
        "target_dropout": dropped if target_dropout is None else target_dropout,
    }


def read_conditions(pairs: pd.DataFrame, features: pd.DataFrame | None) -> ConditionFeatures | None:
    """Features of single perturbations, one-hot by default; None of pairs that are no perturbations.

    Raises
    ------
    ValueError
        If there are features, but pairs that are no perturbations, or covariates of perturbations.
    """
    if PERTURBATION in pairs:
        _check_no_covariates(pairs)
        names = pairs[PERTURBATION].tolist()
        return ConditionFeatures.one_hot(names) if features is None else ConditionFeatures.from_frame(features, names)
    if features is not None:
        msg = "`condition_features` needs `pairs` of perturbations, got others. Make them with `pp.perturbation_pairs`."
        raise ValueError(msg)
    return None


def _check_no_covariates(pairs: pd.DataFrame) -> None:
    found = covariate_names(pairs)
    if found:
        msg = (
            f"`condition_keys` must be none where `pairs` are of perturbations, got {found}. Put what is known of a "
            "perturbation into `condition_features`, and its dose into `dose_key` of `pp.perturbation_pairs`."
        )
        raise ValueError(msg)


def facts_of(pairing: Pairing) -> dict[str, Any]:
    """What a model keeps of its pairs besides their columns: classes of covariates, and the control."""
    categories = {"categories": pairing.categories} if pairing.categories else {}
    if not pairing.of_perturbations:
        return categories
    return categories | {PERTURBATIONS: {CONTROL: str(pairing.pairs[CONTROL].iloc[0])}}


def fit_predictors(fitted: FittedSets[BaseTDE], predictor: Predictor, pairs: pd.DataFrame, *, seed: int) -> None:
    """Fit predictors on pairs with their ``split``, keep them in the model, and choose what is made of them.

    Of perturbations, how cells are moved; of other pairs of vectors, which forecasts are mixed.
    """
    model = fitted.model
    statistic = fit_on_pairs(predictor, model, fitted.cells, fitted.embedding, pairs, seed=seed)
    if model.mean_predictor is None:
        is_mixed = model.conditions is None and model.module.target_spec.is_vector
        model.mixture = fit_mixture(fitted, statistic, pairs, seed=seed) if is_mixed else None
        return
    chosen = choose_move(fitted, pairs, seed=seed)
    assert model.fitted_on is not None
    facts = {**chosen._asdict(), "displacement": _typical(fitted, pairs)}
    model.fitted_on[PERTURBATIONS] = {**model.fitted_on[PERTURBATIONS], **facts}


def _typical(fitted: FittedSets[BaseTDE], pairs: pd.DataFrame) -> float:
    """Root mean square of the displacements of pairs."""
    source, target = ends_of(fitted.cells, pairs).T
    return float(np.sqrt(np.square(fitted.embedding[target] - fitted.embedding[source]).sum(axis=1).mean()))
