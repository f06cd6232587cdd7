"""What a model is told of sets besides their cells: a label, a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence


def told_of_sets(
    sets: pd.Index,
    labels: Mapping[str, Hashable] | pd.Series | None,
    batches: Mapping[str, Hashable] | pd.Series | None,
    *,
    label_classes: Sequence[str] | None,
    batch_names: Sequence[str] | None,
) -> dict[str, np.ndarray]:
    """Label and batch of every set as the module takes them.

    Raises
    ------
    ValueError
        If a label is given and the model has none, or the other way round, or a value is unknown.
    """
    _check_together(labels, "labels", label_classes, "label_classes")
    _check_together(batches, "batches", batch_names, "batches")
    told = {}
    if labels is not None and label_classes is not None:
        told["label"] = label_values(labels, sets, label_classes)
    if batches is not None and batch_names is not None:
        told["batch"] = codes_of(batches, sets, batch_names, "batches")
    return told


def _check_together(given: object, argument: str, known: object, option: str) -> None:
    if (given is None) != (known is None):
        msg = f"`{argument}` and the `{option}` of the model belong together, got one of them. Give both."
        raise ValueError(msg)


def label_values(labels: Mapping[str, Hashable] | pd.Series, sets: pd.Index, classes: Sequence[str]) -> np.ndarray:
    """Number, or code in ``classes``, of each set: float32 ``(S,)``, NaN where missing."""
    if classes:
        codes = codes_of(labels, sets, classes, "labels")
        return np.where(codes < 0, np.nan, codes).astype(np.float32)
    return pd.Series(labels, dtype=object).reindex(sets).astype(float).to_numpy(dtype=np.float32)


def codes_of(
    values: Mapping[str, Hashable] | pd.Series, sets: pd.Index, names: Sequence[str], argument: str
) -> np.ndarray:
    """Place of the value of each set among ``names``: int64 ``(S,)``, -1 where missing.

    Raises
    ------
    ValueError
        If a value is none of them.
    """
    column = pd.Series(values, dtype=object).reindex(sets)
    codes = pd.Index(names).get_indexer(pd.Index(column.astype(str)))
    unknown = column[(codes < 0) & column.notna().to_numpy()]
    if len(unknown):
        msg = f"`{argument}` must be among {list(names)[:10]}, got {unknown.iloc[0]!r}."
        raise ValueError(msg)
    return np.where(column.isna(), -1, codes).astype(np.int64)


def codes_of_batch(batch: str | Sequence[str | None] | None, n_sets: int, names: Sequence[str] | None) -> np.ndarray:
    """Place among ``names`` of one batch for all sets, or of one for each: int64 ``(S,)``, -1 for none.

    Raises
    ------
    ValueError
        If the model has no batches, or there is not one for each set.
    """
    if batch is not None and names is None:
        msg = f"`batch` needs a fit with `batch_key`, got {batch!r} for one without. Leave it out."
        raise ValueError(msg)
    given = [batch] * n_sets if batch is None or isinstance(batch, str) else list(batch)
    if len(given) != n_sets:
        msg = f"`batch` must be one name, or one for each of {n_sets} sets, got {len(given)}."
        raise ValueError(msg)
    sets = pd.RangeIndex(n_sets)
    return codes_of(pd.Series(given, sets), sets, names or [], "batch")


def trainable(labels: np.ndarray) -> np.ndarray:
    """Labels of the sets that are trained on, if there is something to learn from them.

    Raises
    ------
    ValueError
        If fewer than two values occur.
    """
    found = np.unique(labels[~np.isnan(labels)])
    if len(found) < 2:
        msg = (
            f"Training sets with two labels or more are required, but {int((~np.isnan(labels)).sum())} of "
            f"{len(labels)} have one, all the same. Label more sets, or choose which to train on with `split_key`."
        )
        raise ValueError(msg)
    return labels
