from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_fraction, check_one_of, check_seed
from scgde._docs import shared_docs
from scgde._hidden_progress import hidden_progress
from scgde._hints import checked_keywords
from scgde._progress import progress_bar
from scgde.model._base_gde import BaseGDE
from scgde.results import FittedSets
from scgde.results._covariances import reliability_of_dimensions
from scgde.results._distance_matrix import EMBEDDING
from scgde.results._fits import check_training
from scgde.results._fitted_sets import check_set_column
from scgde.results._label_task import LabelTask, check_enough_groups, read_label_task
from scgde.results._label_tuning import label_tuning
from scgde.results._set_columns import write_outputs
from scgde.results._set_features import set_features
from scgde.results._unseen import check_unseen
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import check_free, check_not_backed_view
from scgde.stats import (
    BOUNDS,
    Labels,
    calibration_error,
    class_scores,
    fit_predict,
    interval,
    number_scores,
    splits,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from anndata import AnnData

    from scgde._types import Config

MODES = ("probe", "joint", "supervised")
#: Defaults of ``mode="joint"`` and ``"supervised"``.
LABEL_WEIGHTS, FIT_STEPS = (0.0, 0.1, 1.0), 200
_REPEATS = 5
#: From labelled sets, their labels and other sets to the outputs for these.
Predict = Callable[[np.ndarray, Labels, np.ndarray], np.ndarray]


@checked_keywords
@shared_docs
def classify(
    adata: AnnData,
    label_key: str,
    *,
    unlabeled: Hashable | Sequence[Hashable] | None = None,
    mode: str = "probe",
    group_key: str | None = None,
    state_key: str | None = None,
    baselines: bool = True,
    class_weight: str | None = None,
    n_splits: int = 5,
    n_repeats: int | None = None,
    label_weights: Sequence[float] = LABEL_WEIGHTS,
    max_steps: int = FIT_STEPS,
    train_kwargs: dict[str, Any] | None = None,
    progress_bar: bool = True,
    level: float = 0.95,
    key: str = "gde",
    seed: int = 0,
) -> pd.DataFrame:
    """Predict labels of sets, which most sets may lack, and say how well by cross-validation.

    Numbers (unless a few whole ones that repeat) are predicted by ridge regression, all else by logistic regression.
    The strength of the penalty is chosen by cross-validation within each training part, and what it is relative to: the
    standard deviation of each dimension, which counts by its reliability, the share of its variance between sets that
    is not sampling noise; or, where that is better by more than one standard error, one deviation common to all, so
    that dimensions in which sets differ most count most. Columns of the baselines count alike, or have a common one.

    Parameters
    ----------
    adata
        A fitted AnnData, with its cells.
    label_key
        Column of labels, constant within sets.
    unlabeled
        Value or values that stand for no label, besides a missing one.
    mode
        ``"probe"``: a linear model on the frozen embedding. The embedding has seen the cells of all sets and no label.
        ``"joint"``: from there on, encoder, generator and linear model are trained together, on the cells of all sets
        and the labels of those that have one; the weight of the labels is chosen among `label_weights` on labelled sets
        that are left out for that. ``"supervised"``: the encoder and a linear model from random weights, on labelled
        sets alone, stopped at the lowest loss on a third of them: the baseline that has no use for unlabelled sets.
    group_key
        Column of what must not be divided between training and test, the donor where a donor has several sets.
    state_key
        Column of ``obs``, for the baseline ``"composition"``.
    baselines
        Whether to score, on the same splits, ``"majority"``, the moments of the features (``"means"``, ``"means_sd"``)
        and a ``"kernel_mean"``, in addition to the ``"embedding"``.
    class_weight
        None: probabilities are calibrated to the frequencies among labelled sets, and a rare class is seldom predicted.
        ``"balanced"``: as if all classes were equally frequent.
    n_splits, n_repeats
        Parts of the labelled sets, each of them tested once, and how often sets are split anew: five times by default,
        of ``"joint"`` and ``"supervised"``, which fit networks for each part, once. With ``n_splits=0`` nothing is
        tested: one fit to all labelled sets predicts the others, those with a label as well, and no scores are given.
    label_weights
        Of ``"joint"``, where the generator has weight 1; 0 leaves the embedding as it is, as ``"probe"`` does.
        The smallest is taken unless another is better at the 5 % level.
    max_steps
        Of ``"joint"`` and ``"supervised"``: optimiser steps of each fit.
    train_kwargs
        Their further options, see :meth:`scgde.model.GDE.train`.
    progress_bar
        Whether to show one for them.
    level
        Of the confidence intervals, over parts that share training sets, cut at the bounds of the score: an AUROC is
        not above 1.
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    One row per ``representation``, that of `mode` first, and ``score``: ``value``, ``sd`` over test parts, ``low`` and
    ``high``. Writes, into the set table and ``obs``, ``"<label_key>_predicted"`` and for each class
    ``"<label_key>_probability_<class>"``. Those of labelled sets are means over the repeats, from when the set was
    tested. What :func:`scgde.pl.classification` draws is in ``uns[key]["classification"][label_key]``, with the scores
    of every part in ``"scores"``.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        If labels vary within sets, there is one class, a class has fewer donors than `n_splits`, or the fit has learnt
        from the labels that are to be tested.

    References
    ----------
    Intervals by :cite:t:`Nadeau03`.

    Examples
    --------
    >>> import scgde
    >>> scores = scgde.tl.classify(adata, "composition", n_splits=2, n_repeats=1, baselines=False)
    >>> scores["score"].tolist()[:2]
    ['accuracy', 'balanced_accuracy']
    >>> sorted(adata.obs["composition_predicted"].unique())
    ['high_c', 'low_c']
    """
    check_one_of(mode, "mode", MODES)
    train_kwargs = check_training(train_kwargs, classify)
    if class_weight is not None:
        check_one_of(class_weight, "class_weight", ["balanced"])
    n_splits = check_count(n_splits, "n_splits", minimum=2) if n_splits else 0
    n_repeats = (_REPEATS if mode == "probe" else 1) if n_repeats is None else check_count(n_repeats, "n_repeats")
    rng, level = check_seed(seed), check_fraction(level, "level")
    content = read_entries(adata, key)
    check_set_column(adata, key)
    check_not_backed_view(adata)
    task = read_label_task(adata, label_key, unlabeled, group_key, key)
    check_enough_groups(task, n_splits)
    check_free(adata, key, task.covariate.output_columns, "label_key")
    if n_splits:
        check_unseen(adata, task.covariate.values.rename(label_key), "label_key", key)
    embedding = np.asarray(content[_keys.EMBEDDING], dtype=float)
    fitted: FittedSets[Any] = FittedSets.read(adata, key, None if mode == "probe" else BaseGDE, all_rows=True)
    with hidden_progress():
        reliability = reliability_of_dimensions(fitted)
    fits: dict[str, Predict] = {EMBEDDING: _probe(embedding, rng, class_weight, reliability)}
    if mode != "probe":
        tuning = label_tuning(fitted, reliability, class_weight, label_weights, max_steps, train_kwargs, seed)
        tuned: Predict = tuning.fine_tune if mode == "joint" else tuning.from_scratch
        fits = {str(mode): tuned, **fits}
    if baselines and n_splits:
        features = set_features(adata, state_key, key, rng)
        fits |= {name: _probe(x, rng, class_weight) for name, x in features.items()}
    parts = [splits(task.labels.strata, task.labels.groups, n_splits, rng) for _ in range(n_repeats if n_splits else 0)]
    with _progress(mode, parts, show=progress_bar) as bar:
        tested = {name: _tested(fit, task, parts, bar if name == mode else None) for name, fit in fits.items()}
        chosen = next(iter(fits))
        outputs = fits[chosen](task.rows, task.labels, np.arange(len(embedding)))
    scores = _scores(tested, task, parts)
    report = _report(scores, tested, task, n_splits, level)
    if n_splits:
        outputs[task.rows] = tested[chosen].mean(axis=0)
    found = {"report": report, "scores": scores, "outputs": tested} if n_splits else None
    _write(adata, content, task, outputs, found, key)
    return report


@contextmanager
def _progress(mode: str, parts: list[Any], *, show: bool) -> Iterator[Any]:
    n_fits = sum(map(len, parts))
    with progress_bar("Classify", unit="fit", total=n_fits, show=mode != "probe" and show) as bar, hidden_progress():
        yield bar


def _probe(
    x: np.ndarray, rng: np.random.Generator, class_weight: str | None, reliability: np.ndarray | None = None
) -> Predict:
    """A linear model of one vector per set."""

    def predict(rows: np.ndarray, labels: Labels, new: np.ndarray) -> np.ndarray:
        return fit_predict(x[rows], labels, x[new], rng, class_weight=class_weight, reliability=reliability)

    return predict


def _tested(fit: Predict, task: LabelTask, parts: list[Any], bar: Any) -> np.ndarray:
    """Outputs for each labelled set while it was tested, shape ``(n_repeats, n, C)``."""
    outputs = np.empty((len(parts), len(task.rows), max(task.labels.n_classes, 1)))
    for repeat, some in enumerate(parts):
        for train, test in some:
            outputs[repeat, test] = fit(task.rows[train], task.labels.at(train), task.rows[test])
            if bar is not None:
                bar.update()
    return outputs


def _scores(tested: dict[str, np.ndarray], task: LabelTask, parts: list[Any]) -> pd.DataFrame:
    """Scores of every test part."""
    rows = [
        {"representation": name, "repeat": repeat, "split": split, "score": score, "value": value}
        for name, outputs in tested.items()
        for repeat, some in enumerate(parts)
        for split, (_, test) in enumerate(some)
        for score, value in _score(task.labels.values[test], outputs[repeat, test], task).items()
    ]
    return pd.DataFrame(rows, columns=["representation", "repeat", "split", "score", "value"])


def _score(truth: np.ndarray, outputs: np.ndarray, task: LabelTask) -> dict[str, float]:
    return class_scores(truth, outputs) if task.names else number_scores(truth, outputs[:, 0])


def _report(
    scores: pd.DataFrame, tested: dict[str, np.ndarray], task: LabelTask, n_splits: int, level: float
) -> pd.DataFrame:
    rows = []
    for (name, score), part in scores.groupby(["representation", "score"], sort=False):
        values = part["value"].to_numpy()
        low, high = interval(values, n_splits, level, BOUNDS[str(score)])
        row = {"value": np.nanmean(values), "sd": np.nanstd(values), "low": low, "high": high}
        rows.append({"representation": name, "score": score} | row)
    for name, outputs in tested.items() if task.names and n_splits else ():
        # Too few sets are in a part for bins: all sets of a repeat together.
        errors = [calibration_error(task.labels.values, repeat) for repeat in outputs]
        row = {"value": np.mean(errors), "sd": np.std(errors), "low": np.nan, "high": np.nan}
        rows.append({"representation": name, "score": "calibration_error"} | row)
    return pd.DataFrame(rows, columns=["representation", "score", "value", "sd", "low", "high"])


def _write(
    adata: AnnData, content: Config, task: LabelTask, outputs: np.ndarray, found: dict[str, Any] | None, key: str
) -> None:
    """Write predictions and, where there are tests, what they found."""
    write_outputs(adata, content, task.covariate, outputs, key)
    if found is None:
        return
    table = content[_keys.SETS]
    truth = np.array(task.names, dtype=object)[task.labels.values] if task.names else task.labels.values
    found = found | {
        "sets": table.index[task.rows].to_numpy(dtype=object),
        "truth": truth,
        "classes": np.array(task.names, dtype=object),
        "outputs": {name: values.astype(np.float32) for name, values in found["outputs"].items()},
    }
    stored = content.get(_keys.CLASSIFICATION, {})
    adata.uns[key][_keys.CLASSIFICATION] = {**stored, task.covariate.name: found}
