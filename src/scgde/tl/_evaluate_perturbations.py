from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_tde import BaseTDE
from scgde.results import FittedSets
from scgde.results._moved_counts import MovedCounts, returns_counts
from scgde.results._perturbation_arms import BASELINES, Effects, Question, predicted_cells
from scgde.results._perturbation_scores import Judge, score_arms
from scgde.results._perturbation_study import PerturbationStudy
from scgde.results._perturbation_summary import PerturbationScores
from scgde.results._perturbed import perturbation_model
from scgde.results._straddling import check_nothing_straddles
from scgde.sets._entries import read_entries
from scgde.sets._pairs import CONTEXT, PERTURBATION
from scgde.sets._splits import first_with_sets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

#: Name of the arm of the fit itself.
PREDICTION = "prediction"


@checked_keywords
@shared_docs
def evaluate_perturbations(
    adata: AnnData,
    *,
    pairs: Sequence[int | str] | None = None,
    moves: Sequence[str] = (),
    predictions: Mapping[str, AnnData] | None = None,
    group_key: str | None = None,
    n_cells: int = 300,
    key: str = "tde",
    seed: int = 0,
) -> PerturbationScores:
    """Scores of predictions of held-out perturbations, always next to the simple baselines, the floor and the ceiling.

    The control cells of each context are divided: predictions are made from one half, with predictors that are fitted
    again to effects against that half, and the truth is the difference from the other. With one control mean in both,
    its noise alone would correlate them, also of a perturbation without any effect.

    Parameters
    ----------
    adata
        A fitted AnnData with its cells, see :func:`fit_tde` with pairs of :func:`scgde.pp.perturbation_pairs`.
    pairs
        Rows of ``uns[key]["pairs"]``, by name. By default those that the fit held out; if it held out none, those that
        chose when to stop.
    moves
        Further ways to move cells, scored as arms of their own, see :func:`predict_perturbations`.
    predictions
        Of other methods, by name: moved or generated cells in the representation of the fit, with
        ``obs["perturbation"]`` and, where there are any, ``obs["context"]``, as :func:`predict_perturbations` gives
        them.
    group_key
        Column of ``obs``, constant within sets, of which no value may be both trained on and held out: the target gene
        of guides.
    n_cells
        Cells of a set in energy distances, at most.
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    The scores. Arms are ``"prediction"``, that of the fit; of a fit of counts ``"prediction, as counts"``, the
    components of the counts that :func:`predict_perturbations` gives; further ``moves`` and ``predictions``; and the
    baselines, all of which are shifts of the control by means unless they say otherwise:

    - ``"no effect"``: the control cells as they are;
    - ``"mean effect"``: of the training perturbations in the context, or of all;
    - ``"matching mean"``: the mean of the effects of the parts that were seen;
    - ``"additive"``: their sum, and ``"shrunken additive"``: shrunk by its noise;
    - ``"stronger single"``: the cells of the part with the larger effect;
    - ``"moved single"``: the cells of each part, shifted by the effects of the others;
    - ``"ridge, one-hot"`` and ``"ridge, features"``: of mean effects;
    - ``"same perturbation, nearest context"`` and ``"..., other contexts"``: its effect where it was seen;
    - ``"oracle mean shift"``: to the mean of one half of the true cells, judged by the other half;
    - ``"split half"``: one half of the true cells, judged by the other half.

    An arm is missing where it does not apply. Metrics are ``delta_correlation`` of predicted and true differences from
    the control; ``centered_correlation``, from the mean of perturbed training sets; ``weighted_error`` and
    ``weighted_r2``, with features weighted by their squared t-scores; ``top_recall`` of the 20 features that change
    most clearly; ``variance_correlation`` of log variance ratios; ``correlation_slope`` of correlations between
    features, 1 where they are right; ``rank_l2`` and ``rank_cosine``, the share of the other perturbations in the
    context from which a prediction is farther than from its own truth; and ``energy``, the unbiased energy distance.
    All but the last are taken in genes where the representation can be mapped back to them, the perturbed ones left
    out.

    Raises
    ------
    KeyError
        If there is no fit, or no pair of that name.
    RuntimeError
        If the fit has no pairs of perturbations or no predictor.
    ValueError
        If no pair was held out, combinations with a held-out perturbation were trained on, a value of ``group_key`` is
        on both sides, or ``predictions`` lack a held-out perturbation.

    Examples
    --------
    >>> import scgde
    >>> scores = scgde.tl.evaluate_perturbations(screen)
    >>> table = scores.table("responding")["energy"]
    """
    n_cells, seed = check_count(n_cells, "n_cells", minimum=4), check_count(seed, "seed", minimum=0)
    table = read_entries(adata, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")[_keys.PAIRS]
    fitted = FittedSets.read(adata, key, BaseTDE)
    chosen = perturbation_model(fitted, table).chosen
    held_out = _held_out(table, pairs)
    study = PerturbationStudy.of(fitted, table, held_out, seed=seed)
    check_nothing_straddles(study, group_key)
    given = {name: _given_cells(part, held_out, name) for name, part in (predictions or {}).items()}
    default = {name: chosen[name] for name in ("move", "start")}
    arms: dict[str, Sequence[np.ndarray | None]] = {PREDICTION: predicted_cells(study, **default)}
    if returns_counts(fitted.model, decode=None):
        counts = MovedCounts(fitted.model, adata, np.unique(study.fitted.index.cells))
        arms[f"{PREDICTION}, as counts"] = predicted_cells(study, **default, counts=counts)
    arms |= {f"{PREDICTION}, {move}": predicted_cells(study, move=move, start=chosen["start"]) for move in moves}
    arms |= given
    own = list(arms)
    effects = Effects(study)
    questions = [Question(study, pair, effects) for _, pair in held_out.iterrows()]
    arms |= {name: [baseline(question) for question in questions] for name, baseline in BASELINES.items()}
    scores = score_arms(Judge(study, n_cells), arms)
    return PerturbationScores.of(scores, own)


def _held_out(table: pd.DataFrame, pairs: Sequence[int | str] | None) -> pd.DataFrame:
    if pairs is None:
        rows = first_with_sets(table[_keys.SPLIT])
        if len(rows) == 0:
            msg = (
                f"Pairs that the fit did not train on are required, but it trained on all {len(table)}. "
                "Fit with `split_key` or `validation_fraction`."
            )
            raise ValueError(msg)
        return table.iloc[rows]
    names = pd.Index([str(name) for name in pairs])
    missing = names.difference(table.index)
    if len(missing) or len(names) == 0:
        msg = f"`pairs` must name rows of the pairs of the fit, got {missing[:5].tolist()}."
        raise KeyError(msg)
    return table.loc[names]


def _given_cells(adata: AnnData, held_out: pd.DataFrame, name: str) -> list[np.ndarray | None]:
    """Cells that another method predicts of each held-out pair."""
    cells: list[np.ndarray | None] = []
    for _, pair in held_out.iterrows():
        inside = (adata.obs[PERTURBATION].astype(str) == pair[PERTURBATION]).to_numpy()
        if CONTEXT in pair:
            inside = inside & (adata.obs[CONTEXT].astype(str) == str(pair[CONTEXT])).to_numpy()
        if inside.sum() < 2:
            what = f"{pair[PERTURBATION]!r} in {name!r}"
            msg = f"`predictions` must hold two cells or more of each held-out pair, got {inside.sum()} of {what}."
            raise ValueError(msg)
        x = adata.X[inside]
        cells.append(np.asarray(x.toarray() if hasattr(x, "toarray") else x))
    return cells
