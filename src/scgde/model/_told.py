"""What a model is told of sets besides their cells: a label, a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence


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
