from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_seed
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_gde import BaseGDE
from scgde.results import FittedSets
from scgde.results._generation_scores import MIN_CELLS, TrainingSets, score_sets
from scgde.results._label_tuning import batches_of_sets
from scgde.sets._set_groups import rows_of_sets
from scgde.sets._splits import first_with_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import SetLike
    from scgde.data import SetIndex


@checked_keywords
@shared_docs
def score_generation(
    adata: AnnData,
    *,
    key: str = "gde",
    sets: SetLike | Sequence[SetLike] | None = None,
    n_cells: int = 300,
    n_repeats: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Score generated cells on cells that the encoder did not see, of sets that the fit did not see.

    Each set is split at random. One half is embedded, cells are generated from this embedding, and their
    energy distance to the *other* half is the score, so that copying the cells seen earns nothing. A fit with
    ``batch_key`` generates each set in its own batch. Distances are unbiased (:func:`scgde.metrics.energy_distance`):
    zero is the best that can be expected, and noise can go below it. They are taken in features scaled as the model
    scales them.

    Parameters
    ----------
    adata
        A fitted AnnData with the cells that it was fitted on.
    key
        %(key)s
    sets
        %(sets_like)s By default those that the fit held out; if it held out none, those that chose when to
        stop.
    n_cells
        Cells to generate for each set.
    n_repeats
        Random partitions of each set to average over.
    seed
        %(seed)s

    Returns
    -------
    One row per set with 10 cells or more: ``set``, ``n_cells``, and distances to a half of the set. That of the cells
    ``generated``; of the baselines below; and, as ``floor``, of the other half, which was embedded.

    =================  ==========================================================================================
    Baseline           Cells
    =================  ==========================================================================================
    ``pooled``         of the training sets
    ``mean``           the same, moved to the mean of the half that was embedded
    ``mean_sd``        moved to that mean, and stretched to its standard deviations
    ``shrunken_mean``  training cells around the shrunken means of their sets, moved to that mean, which is shrunk to
                       the average of the training sets by the share of sampling noise in its variance
    ``gaussian``       of a Gaussian with the mean and the covariance of that half
    ``linear``         residuals of training cells, around that mean as the leading principal components of the
                       means of the training sets know it, as many as the embedding has dimensions
    ``nearest``        of the training set with the nearest mean
    =================  ==========================================================================================

    Cells that are not vectors have the baselines ``pooled`` and ``nearest`` only.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If the fit trained on all sets, or no set has enough cells.

    Examples
    --------
    >>> import scgde
    >>> scores = scgde.tl.score_generation(adata)
    >>> scores.drop(columns=["set", "n_cells"]).columns.tolist()
    ['generated', 'pooled', 'mean', 'mean_sd', 'shrunken_mean', 'gaussian', 'linear', 'nearest', 'floor']
    """
    n_cells, n_repeats = check_count(n_cells, "n_cells", minimum=2), check_count(n_repeats, "n_repeats")
    rng = check_seed(seed)
    fitted = FittedSets.read(adata, key, BaseGDE)
    train = _training_sets(fitted, key)
    chosen = _not_trained_on(fitted) if sets is None else rows_of_sets(adata, sets, "`sets`", key)
    chosen = _large_enough(chosen, fitted.index)
    n_known = int(fitted.index.sizes[train].sum())
    if n_known < 2:
        msg = f"`adata` must hold the cells of the training sets, the baseline, got {n_known} of them."
        raise ValueError(msg)
    batches = batches_of_sets(fitted)
    batch = None if batches is None else batches.iloc[chosen].tolist()
    known = TrainingSets.of(fitted.model.ground, fitted.cells, train)
    repeats = pd.concat(
        [
            score_sets(fitted.model, fitted.cells, chosen, known, batches=batch, n_cells=n_cells, rng=rng)
            for _ in range(n_repeats)
        ]
    )
    scores = pd.DataFrame({"set": fitted.table.index[chosen], _keys.N_CELLS: fitted.index.sizes[chosen]})
    return scores.join(repeats.groupby(level=0).mean())


def _training_sets(fitted: FittedSets, key: str) -> np.ndarray:
    if fitted.split is None or not (fitted.split == "train").any():
        msg = (
            f"The set table of `adata.uns[{key!r}]` must say in {_keys.SPLIT!r} which sets were trained on, "
            "but does not. Score the AnnData given to `scgde.tl.fit_gde`, not one from `scgde.tl.embed`."
        )
        raise ValueError(msg)
    return np.flatnonzero(fitted.split == "train")


def _not_trained_on(fitted: FittedSets) -> np.ndarray:
    assert fitted.split is not None
    chosen = first_with_sets(fitted.split)
    if len(chosen) == 0:
        msg = (
            f"Sets that the fit did not train on are required, but it trained on all {len(fitted.table)}. "
            "Fit with `split_key` or `validation_fraction`, or name `sets` to score the fit on what it knows."
        )
        raise ValueError(msg)
    return chosen


def _large_enough(chosen: np.ndarray, index: SetIndex) -> np.ndarray:
    large = chosen[index.sizes[chosen] >= MIN_CELLS]
    if len(large) == 0:
        largest = index.sizes[chosen].max(initial=0)
        msg = f"A set with {MIN_CELLS} cells is required, but the largest of {len(chosen)} has {largest}."
        raise ValueError(msg)
    return large
