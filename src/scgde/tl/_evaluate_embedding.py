from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde._checks import as_names, check_count, check_flag, check_fraction, check_one_of, check_seed
from scgde._columns import classes, is_continuous
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.results import DistanceMatrix, set_column
from scgde.results._unseen import check_columns_unseen
from scgde.stats import _embedding_scores
from scgde.stats._permutation import p_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.stats._embedding_scores import Score


#: Predictors of a label from distances, and the prefix of the names of their scores.
READOUTS = {"neighbors": "", "linear": "linear_"}


@checked_keywords
@shared_docs
def evaluate_embedding(
    adata: AnnData,
    *,
    label_key: str | Sequence[str] | None = None,
    batch_key: str | Sequence[str] | None = None,
    order_key: str | Sequence[str] | None = None,
    replicate_key: str | Sequence[str] | None = None,
    metric: str | Sequence[str] = "embedding",
    n_neighbors: int = 3,
    readout: str | Sequence[str] = "neighbors",
    level: float = 0.95,
    n_permutations: int = 999,
    n_draws: int = 999,
    baselines: bool = True,
    key: str | None = "gde",
    seed: int = 0,
) -> pd.DataFrame:
    """Bio conservation and batch removal of an embedding of sets, or of a distance between them.

    Parameters
    ----------
    adata
        A fitted AnnData, or one of sets.
    label_key
        Columns that should be predictable from the nearest sets (score ``"retention"``, bio conservation). Classes:
        balanced accuracy of the majority of the `n_neighbors` nearest other sets. Numbers: rank correlation with
        their mean.
    batch_key
        Columns that should not be predictable (``"batch_removal"``): one minus the normalised retention.
    order_key
        Columns of numbers, such as time, that sets should be ordered by: rank correlation of the distances from a set
        with differences in the column (``"order_of_distances"``), and of the first principal coordinate with the
        column, in either direction (``"order_along_a_line"``).
    replicate_key
        Columns with one value for all replicates (``"replicates"``): the probability that a replicate of a set is
        nearer to it than another set is.
    metric
        As in :func:`scgde.tl.compare_groups`; several for a comparison.
    n_neighbors
        Neighbours that vote.
    readout
        How labels and batches are predicted: ``"neighbors"``; or ``"linear"``, by a ridge regression of each set on the
        others, which finds what is small compared with other differences (scores ``"linear_retention"`` and
        ``"linear_batch_removal"``); or both.
    level
        Of the confidence intervals.
    n_permutations
        Permutations of each column over sets.
    n_draws
        Draws of half of the sets, for the intervals. Scores vary over halves as over cohorts: the neighbours of a set
        are drawn as well, which a bootstrap of outcomes would forget.
    baselines
        Whether to score distances that need no fit, too: of means (``"pseudobulk"``), of means less their noise
        (``"unbiased_pseudobulk"``), and of means and standard deviations (``"pseudobulk_sd"``), over all cells of each
        set. With ``key=None`` there are no cells, and none are scored.
    key
        As in :func:`scgde.tl.compare_groups`.
    seed
        %(seed)s

    Returns
    -------
    One row per metric, score and column: ``value``, ``low`` and ``high`` (confidence interval), ``chance`` (mean
    under permutation), ``normalized`` (0 by chance, 1 at best), ``p_value``, and ``n_sets``, those with a value. Of a
    batch, ``p_value`` is small if it can be predicted at all.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        If no column is given, one does not suit its score, or the embedding has learnt from it.

    References
    ----------
    Scores of this kind are those of :cite:t:`Shitov24`; intervals from halves, of :cite:t:`Shao89`.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.evaluate_embedding(adata, label_key="composition", batch_key="batch")
    >>> table.columns.tolist()[:4]
    ['metric', 'score', 'covariate', 'value']
    """
    n_neighbors, rng = check_count(n_neighbors, "n_neighbors"), check_seed(seed)
    n_permutations, n_draws = check_count(n_permutations, "n_permutations"), check_count(n_draws, "n_draws")
    readouts = [check_one_of(one, "readout", list(READOUTS)) for one in as_names(readout)]
    tails = np.array([-0.5, 0.5]) * check_fraction(level, "level") + 0.5
    wanted = {"label_key": label_key, "batch_key": batch_key, "order_key": order_key, "replicate_key": replicate_key}
    tasks = [
        task
        for argument, names in wanted.items()
        for name in as_names(names)
        for task in _tasks(argument, set_column(adata, name, argument, key), n_neighbors, readouts)
    ]
    if not tasks:
        msg = f"A column is required in one of {list(wanted)}, got none."
        raise ValueError(msg)
    compared = {one: DistanceMatrix.read(adata, one, key) for one in as_names(metric)}
    if check_flag(baselines, "baselines") and key is not None:
        simple = DistanceMatrix.baselines(adata, key)
        compared |= {name: matrix for name, matrix in simple.items() if name not in compared}
    rows = []
    for one in as_names(metric):
        for argument in ("label_key", "order_key", "replicate_key"):
            check_columns_unseen(adata, as_names(wanted[argument]), one, argument, key)
    for one, task in progress(list(product(compared, tasks)), "Score", unit="score"):
        row = _row(task, compared[one].distances, n_permutations, n_draws, tails, rng)
        rows.append({"metric": one, "score": task.name, "covariate": task.covariate} | row)
    return pd.DataFrame(rows)


class _Task(NamedTuple):
    """A score, and the values (S,) that it is about; NaN or -1 where missing."""

    name: str
    covariate: str
    score: Score
    values: np.ndarray

    @property
    def known(self) -> np.ndarray:
        return np.flatnonzero(np.isfinite(self.values) if self.values.dtype.kind == "f" else self.values >= 0)


def _tasks(argument: str, column: pd.Series, n_neighbors: int, readouts: list[str]) -> list[_Task]:
    name = str(column.name)
    if argument == "order_key":
        values = _ordered(column)
        scores = {
            "order_of_distances": _embedding_scores.order_of_distances(),
            "order_along_a_line": _embedding_scores.order_along_a_line(),
        }
        tasks = [_Task(score, name, function, values) for score, function in scores.items()]
    elif argument == "replicate_key":
        tasks = [_Task("replicates", name, _embedding_scores.replicates(), classes(column)[0])]
    else:
        score = "retention" if argument == "label_key" else "batch_removal"
        tasks = [_Task(READOUTS[one] + score, name, *_label_score(column, n_neighbors, one)) for one in readouts]
    _check_known(tasks[0], argument)
    return tasks


def _label_score(column: pd.Series, n_neighbors: int, readout: str) -> tuple[Score, np.ndarray]:
    is_linear = readout == "linear"
    if is_continuous(column):
        score = _embedding_scores.linear_numbers() if is_linear else _embedding_scores.knn_numbers(n_neighbors)
        return score, column.to_numpy(dtype=float, na_value=np.nan)
    return _embedding_scores.linear_classes() if is_linear else _embedding_scores.knn_classes(n_neighbors), classes(
        column
    )[0]


def _ordered(column: pd.Series) -> np.ndarray:
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return np.where(column.isna(), np.nan, column.cat.codes)
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        msg = f"`order_key` must name numbers or an ordered categorical, but {column.name!r} is {column.dtype}."
        raise ValueError(msg)
    return column.to_numpy(dtype=float, na_value=np.nan)


def _check_known(task: _Task, argument: str) -> None:
    values, counts = np.unique(task.values[task.known], return_counts=True)
    if len(values) < 2 or len(task.known) < 3:
        msg = f"`{argument}` must have two values or more on three sets or more, but {task.covariate!r} has not."
        raise ValueError(msg)
    if task.name == "replicates" and counts.max() < 2:
        msg = f"`replicate_key` must have a value that two sets share, but {task.covariate!r} has none."
        raise ValueError(msg)


def _row(
    task: _Task, distances: np.ndarray, n_permutations: int, n_draws: int, tails: np.ndarray, rng: np.random.Generator
) -> dict[str, float]:
    distances, values = distances[np.ix_(task.known, task.known)], task.values[task.known]
    value, null = task.score(distances, values), task.score.null(distances, values, n_permutations, rng)
    chance, spread = null.mean(), _spread(task.score, distances, values, n_draws, rng)
    numbers = np.array([value, *np.minimum(value + np.nanquantile(spread, tails), 1)])
    normalized = (value - chance) / (1 - chance)
    if task.name.endswith("batch_removal"):
        numbers = 1 - ((numbers - chance) / (1 - chance)).clip(0, 1)[[0, 2, 1]]
        normalized, chance = numbers[0], 0.0
    names = ("value", "low", "high", "chance", "normalized", "p_value")
    row = [*numbers, chance, normalized, p_value(value, null, exact=False)]
    return dict(zip(names, row, strict=True)) | {"n_sets": len(task.known)}


def _spread(
    score: Score, distances: np.ndarray, values: np.ndarray, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """How the score of a random half of the sets deviates from its mean over halves, shape ``(n_draws,)``."""
    halves = [rng.permutation(len(values))[: max(len(values) // 2, 3)] for _ in range(n_draws)]
    scores = np.array([score(distances[np.ix_(half, half)], values[half]) for half in halves])
    return scores - np.nanmean(scores)
