from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_fraction, check_one_of, check_seed
from scgde.tl._label_scores import calibration_error, class_scores, interval, number_scores
from scgde.tl._probe import Labels, fit_predict
from scgde.tl._set_features import set_features
from scgde.tl._set_level import EMBEDDING, check_fitted, classes, covariate, is_continuous
from scgde.tl._source import check_not_backed_view
from scgde.tl._splits import n_groups_of_rarest, splits
from scgde.tl._told import check_distinct_columns, prediction_columns, write_columns

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from anndata import AnnData

MODES = ("probe",)


def classify(
    adata: AnnData,
    label_key: str,
    *,
    unlabeled: Hashable | Sequence[Hashable] | None = None,
    mode: str = "probe",
    groups: str | None = None,
    cell_type_key: str | None = None,
    baselines: bool = True,
    class_weight: str | None = None,
    n_splits: int = 5,
    n_repeats: int = 5,
    level: float = 0.95,
    key: str = "gde",
    seed: int = 0,
) -> pd.DataFrame:
    """Predict labels of sets, which most sets may lack, and say how well by cross-validation.

    Numbers (unless a few whole ones that repeat) are predicted by ridge regression, all else by logistic regression.
    The penalty is chosen within each training part.

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
    groups
        Column of what must not be divided between training and test, the donor where a donor has several sets.
    cell_type_key
        Column of ``obs``, for the baseline ``"composition"``.
    baselines
        Whether to score, on the same splits, ``"majority"``, the moments of the features (``"means"``, ``"means_sd"``)
        and a ``"kernel_mean"`` beside the ``"embedding"``.
    class_weight
        None: probabilities are calibrated to the frequencies among labelled sets, and a rare class is seldom predicted.
        ``"balanced"``: as if all classes were equally frequent.
    n_splits, n_repeats
        Parts of the labelled sets, each of them tested once, and how often sets are split anew.
    level
        Of the confidence intervals, over parts that share training sets.
    key
        Name under which the fit was written.
    seed
        Random seed.

    Returns
    -------
    One row per ``representation`` and ``score``: ``value``, ``sd`` over test parts, ``low`` and ``high``. Writes, into
    the set table and ``obs``, ``"<label_key>_predicted"`` and for each class ``"<label_key>_probability_<class>"``.
    Those of labelled sets are means over the repeats, from when the set was tested. What
    :func:`scgde.pl.classification` draws is in ``uns[key]["classification"][label_key]``, with the scores of every part
    in ``"scores"``.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        If labels vary within sets, there is one class, or a class has fewer donors than `n_splits`.

    References
    ----------
    Intervals by :cite:t:`Nadeau03`.
    """
    check_one_of(mode, "mode", MODES)
    if class_weight is not None:
        check_one_of(class_weight, "class_weight", ["balanced"])
    n_splits, n_repeats = check_count(n_splits, "n_splits", minimum=2), check_count(n_repeats, "n_repeats")
    rng, level = check_seed(seed), check_fraction(level, "level")
    check_fitted(adata, key)
    check_not_backed_view(adata)
    task = _task(adata, label_key, unlabeled, groups, key)
    _check_labels(task, n_splits)
    sets = {EMBEDDING: np.asarray(adata.uns[key][_keys.EMBEDDING], dtype=float)}
    if baselines:
        sets |= set_features(adata, cell_type_key, key, rng)
    parts = [splits(task.labels.strata, task.labels.groups, n_splits, rng) for _ in range(n_repeats)]
    tested = {name: _tested(x[task.rows], task, parts, rng, class_weight) for name, x in sets.items()}
    scores = _scores(tested, task, parts)
    report = _report(scores, tested, task, n_splits, level)
    embedding = sets[EMBEDDING]
    outputs = fit_predict(embedding[task.rows], task.labels, embedding, rng, class_weight=class_weight)
    outputs[task.rows] = tested[EMBEDDING].mean(axis=0)
    _write(adata, task, outputs, {"report": report, "scores": scores, "outputs": tested}, key)
    return report


class _Task(NamedTuple):
    """Which sets are labelled, and how.

    Attributes
    ----------
    name
        Of the label.
    rows
        Labelled sets, shape ``(n,)``.
    labels
        Theirs.
    names
        Of the classes; empty where labels are numbers.
    """

    name: str
    rows: np.ndarray
    labels: Labels
    names: list[str]


def _task(adata: AnnData, label_key: str, unlabeled: Any, groups: str | None, key: str) -> _Task:
    column = covariate(adata, label_key, "label_key", key)
    none = unlabeled if isinstance(unlabeled, list | tuple | set | np.ndarray) else [unlabeled]
    column = column.where(~column.isin(list(none)))
    rows = np.flatnonzero(column.notna())
    donors = np.arange(len(column))
    if groups is not None:
        codes = classes(covariate(adata, groups, "groups", key))[0]
        # A set without a group is one of its own.
        donors = np.where(codes < 0, len(column) + donors, codes)
    if is_continuous(column):
        return _Task(label_key, rows, Labels(column.to_numpy(dtype=float)[rows], donors[rows], 0), [])
    codes, names = classes(column)
    check_distinct_columns(label_key, names)
    return _Task(label_key, rows, Labels(codes[rows], donors[rows], len(names)), names)


def _check_labels(task: _Task, n_splits: int) -> None:
    if len(task.rows) == 0 or task.labels.n_classes == 1:
        msg = (
            f"`label_key` must have two classes or more, but the {len(task.rows)} labelled sets of {task.name!r} have "
            f"{task.names}. Check `unlabeled`, or label more sets."
        )
        raise ValueError(msg)
    rarest = n_groups_of_rarest(task.labels.strata, task.labels.groups)
    if rarest < n_splits:
        what = "the rarest class" if task.names else "the labels"
        msg = (
            f"`n_splits` must be at most the labelled donors of {what} of {task.name!r}, {rarest}, got {n_splits}. "
            + ("Lower it." if rarest > 1 else "Label more donors, or leave the class out with `unlabeled`.")
        )
        raise ValueError(msg)


def _tested(x: np.ndarray, task: _Task, parts: list[Any], rng: np.random.Generator, weight: str | None) -> np.ndarray:
    """Outputs for each labelled set while it was tested, shape ``(n_repeats, n, C)``."""
    outputs = np.empty((len(parts), len(x), max(task.labels.n_classes, 1)))
    for repeat, some in enumerate(parts):
        for train, test in some:
            outputs[repeat, test] = fit_predict(x[train], task.labels.at(train), x[test], rng, class_weight=weight)
    return outputs


def _scores(tested: dict[str, np.ndarray], task: _Task, parts: list[Any]) -> pd.DataFrame:
    """Scores of every test part."""
    rows = [
        {"representation": name, "repeat": repeat, "split": split, "score": score, "value": value}
        for name, outputs in tested.items()
        for repeat, some in enumerate(parts)
        for split, (_, test) in enumerate(some)
        for score, value in _score(task.labels.values[test], outputs[repeat, test], task).items()
    ]
    return pd.DataFrame(rows)


def _score(truth: np.ndarray, outputs: np.ndarray, task: _Task) -> dict[str, float]:
    return class_scores(truth, outputs) if task.names else number_scores(truth, outputs[:, 0])


def _report(
    scores: pd.DataFrame, tested: dict[str, np.ndarray], task: _Task, n_splits: int, level: float
) -> pd.DataFrame:
    rows = []
    for (name, score), part in scores.groupby(["representation", "score"], sort=False):
        values = part["value"].to_numpy()
        low, high = interval(values, n_splits, level)
        row = {"value": np.nanmean(values), "sd": np.nanstd(values), "low": low, "high": high}
        rows.append({"representation": name, "score": score} | row)
    for name, outputs in tested.items() if task.names else ():
        # Too few sets are in a part for bins: all sets of a repeat together.
        errors = [calibration_error(task.labels.values, repeat) for repeat in outputs]
        row = {"value": np.mean(errors), "sd": np.std(errors), "low": np.nan, "high": np.nan}
        rows.append({"representation": name, "score": "calibration_error"} | row)
    return pd.DataFrame(rows)


def _write(adata: AnnData, task: _Task, outputs: np.ndarray, content: dict[str, Any], key: str) -> None:
    table = adata.uns[key][_keys.SETS]
    columns = prediction_columns(task.name, task.names, outputs)
    truth = np.array(task.names, dtype=object)[task.labels.values] if task.names else task.labels.values
    content = content | {
        "sets": table.index[task.rows].to_numpy(dtype=object),
        "truth": truth,
        "classes": np.array(task.names, dtype=object),
        "outputs": {name: values.astype(np.float32) for name, values in content["outputs"].items()},
    }
    write_columns(adata, columns, key)
    stored = adata.uns[key].get(_keys.CLASSIFICATION, {})
    adata.uns[key][_keys.CLASSIFICATION] = {**stored, task.name: content}
