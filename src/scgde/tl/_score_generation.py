from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_seed, check_set_table
from scgde._docs import shared_docs
from scgde.data import SetIndex
from scgde.metrics import energy_distance
from scgde.model import GDE
from scgde.results import FittedSets
from scgde.results._label_tuning import batches_of_sets
from scgde.sets._splits import first_with_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

#: Halves of fewer cells say next to nothing.
MIN_CELLS = 10


class _Halves(NamedTuple):
    """Rows of a set: the encoder sees one half, the score is taken on the other."""

    seen: np.ndarray
    unseen: np.ndarray


@shared_docs
def score_generation(
    adata: AnnData,
    *,
    key: str = "gde",
    sets: str | Sequence[str] | None = None,
    n_cells: int = 300,
    n_repeats: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Score generated cells on cells that the encoder did not see, of sets that the fit did not see.

    Each set is parted at random. One half is embedded, cells are generated from this embedding, and their
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
        Names of sets. By default those that the fit held out; if it held out none, those that chose when to
        stop.
    n_cells
        Cells to generate for each set.
    n_repeats
        Random partitions of each set to average over.
    seed
        %(seed)s

    Returns
    -------
    One row per set with 10 cells or more: ``set``, ``n_cells``, and the distances to a half of the set. Those of
    the cells ``generated``; of ``pooled`` ones, drawn from the training sets: the baseline; and, as ``floor``, of
    the other half.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If the fit trained on all sets, or no set has enough cells.
    """
    check_set_table(adata.uns, key, entry=_keys.MODEL, made_by="scgde.tl.fit_gde")
    n_cells, n_repeats = check_count(n_cells, "n_cells", minimum=2), check_count(n_repeats, "n_repeats")
    rng = check_seed(seed)
    fitted = FittedSets.read(adata, key, GDE)
    train = _training_sets(fitted, key)
    chosen = _not_trained_on(fitted) if sets is None else fitted.rows_of(sets, "sets")
    chosen = _large_enough(chosen, fitted.index)
    pool = np.sort(np.concatenate([fitted.index.rows(i) for i in train]))
    if len(pool) < 2:
        msg = f"`adata` must hold the cells of the training sets, the baseline, got {len(pool)} of them."
        raise ValueError(msg)
    batches = batches_of_sets(fitted)
    batch = None if batches is None else batches.iloc[chosen].tolist()
    repeats = [_score(fitted, chosen, pool, batch, n_cells=n_cells, rng=rng) for _ in range(n_repeats)]
    scores = pd.DataFrame({"set": fitted.table.index[chosen], _keys.N_CELLS: fitted.index.sizes[chosen]})
    return scores.join(pd.DataFrame(np.mean(repeats, axis=0), columns=["generated", "pooled", "floor"]))


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


def _score(
    fitted: FittedSets[GDE],
    sets: np.ndarray,
    pool: np.ndarray,
    batch: list[str | None] | None,
    *,
    n_cells: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Generated, pooled, floor of each set, shape ``(S, 3)``."""
    model, halves = fitted.model, [_halves(fitted.index.rows(i), rng) for i in sets]
    seen = [half.seen for half in halves]
    embedding = model.embed_store(fitted.cells.encoder.store, SetIndex.from_rows(seen))
    generated = model.generate(embedding, n_cells, batch=batch, seed=int(rng.integers(2**31)))
    pooled = fitted.ground(rng.choice(pool, min(n_cells, len(pool)), replace=False))
    scores = np.empty((len(sets), 3))
    for row, half, cells in zip(scores, halves, generated, strict=True):
        unseen, clouds = fitted.ground(half.unseen), (model.ground(cells), pooled, fitted.ground(half.seen))
        row[:] = [energy_distance(cloud, unseen, unbiased=True) for cloud in clouds]
    return scores


def _halves(rows: np.ndarray, rng: np.random.Generator) -> _Halves:
    rows = rng.permutation(rows)
    half = len(rows) // 2
    return _Halves(rows[:half], rows[half:])
