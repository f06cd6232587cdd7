"""Fits to labels that go on from a fit in an AnnData, with batches and sizes as in that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde.model._label_tuning import LabelTuning
from scgde.sets import SetCovariate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.model._base_gde import BaseGDE
    from scgde.results._fitted_sets import FittedSets


def label_tuning(
    fitted: FittedSets[BaseGDE],
    reliability: np.ndarray | None,
    class_weight: str | None,
    label_weights: Sequence[float],
    max_steps: int,
    train_kwargs: dict[str, Any],
    seed: int,
) -> LabelTuning:
    """Fits to labels that start from ``fitted``, which has all of its cells, and dimensions of some ``reliability``."""
    table, split = fitted.table, fitted.split
    params: dict[str, Any] = fitted.params
    used = table.index if split is None else table.index[(split != "test").to_numpy()]
    sizes: dict[str, Any] = {name: params[name] for name in ("sets_per_batch", "set_size") if name in params}
    options: dict[str, Any] = {**sizes, "progress_bar": False, "seed": seed, **train_kwargs}
    batches = batches_of_sets(fitted)
    if batches is None and fitted.model.batches is not None:
        # Of sets that were embedded later, none is known.
        batches = pd.Series(None, table.index, dtype=object)
    embedding = np.asarray(fitted.embedding, dtype=float)
    found = (fitted.model, fitted.cells, embedding, reliability, used.tolist(), batches)
    return LabelTuning(*found, class_weight, label_weights, max_steps, options, seed)


def batches_of_sets(fitted: FittedSets[BaseGDE]) -> pd.Series | None:
    """Batch of each set by name, where the fit was conditioned on it; else None."""
    if "batch_key" not in fitted.params:
        return None
    column = fitted.table[str(fitted.params["batch_key"])]
    return SetCovariate.from_column(column, categorical=True).values
