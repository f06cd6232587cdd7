"""Times as numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from scgde._columns import is_numeric
from scgde.sets._columns import as_text


class TimeScale(NamedTuple):
    """Times as numbers.

    Parameters
    ----------
    names
        Labels of the times in their order; empty where times are numbers already.
    values
        Number of each of ``names``: that which the label spells, or its rank where it spells none.
    """

    names: list[str]
    values: list[float]

    @classmethod
    def from_column(cls, column: pd.Series) -> TimeScale:
        """TimeScale of a numeric or ordered column.

        Raises
        ------
        ValueError
            If it is neither.
        """
        if is_numeric(column):
            return cls([], [])
        if isinstance(column.dtype, pd.CategoricalDtype):
            names = as_text(pd.Series(column.cat.categories)).tolist()
            numbers = pd.to_numeric(pd.Series(names), errors="coerce").to_numpy(dtype=float)
            if np.isfinite(numbers).all():
                return cls(names, numbers.tolist())
            if column.cat.ordered:
                return cls(names, np.arange(len(names), dtype=float).tolist())
        msg = (
            f"`time_key` must name a numeric or ordered column, got {column.name!r} of type {column.dtype}. "
            "Convert it to numbers, such as days, or order its values, e.g. with "
            f"`adata.obs[{column.name!r}].astype('category').cat.reorder_categories([...], ordered=True)`."
        )
        raise ValueError(msg)

    def read(self, column: pd.Series) -> np.ndarray:
        """Numbers of a column of times, NaN where missing."""
        codes, times = pd.factorize(column)
        return np.append([self.number(time) for time in times], np.nan)[codes]

    def number(self, time: object) -> float:
        """Number of one time.

        Raises
        ------
        ValueError
            If it is no time.
        """
        name = as_text(pd.Series([time]))[0]
        if name in self.names:
            return self.values[self.names.index(name)]
        if isinstance(time, int | float | np.number):
            return float(time)
        msg = f"A time must be a number{f' or one of {self.names}' if self.names else ''}, got {time!r}."
        raise ValueError(msg)


def check_times(times: np.ndarray, time_key: str) -> None:
    """Require the times of all cells in a group: known, finite, and of two values at least."""
    n_bad = int((~np.isfinite(times)).sum())
    if n_bad:
        msg = (
            f"`adata.obs[{time_key!r}]` must hold a time for each cell of a group, got NaN or infinity in {n_bad} of "
            f"{len(times)} cells. Fill them in, or leave these cells out with `mask`."
        )
        raise ValueError(msg)
    found = np.unique(times)
    if len(found) < 2:
        msg = (
            f"`time_key` must have at least two times, got {found.tolist()} in {time_key!r}. "
            "Leave `time_key` out to fit sets without pairs."
        )
        raise ValueError(msg)
