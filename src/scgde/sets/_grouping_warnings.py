"""What looks wrong about sets: many are too small, one holds the cells of none, ids stand for several donors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys

if TYPE_CHECKING:
    import pandas as pd

    from scgde.sets._grouping import Grouping

#: Names that stand for cells without a set.
SENTINELS = ("-1", "-1.0", "nan", "na", "n/a", "none", "null", "unassigned", "unknown", "undetermined", "not assigned")
#: Columns of what ids of donors are unique in.
STUDIES = ("dataset", "dataset_id", "study", "study_id", "cohort")
#: A set is far larger than all others from this share of all cells, and this multiple of the second largest, on.
_SHARE, _MULTIPLE, _MIN_SETS = 0.5, 10, 5


def warn_of_sets(
    obs: pd.DataFrame, grouping: Grouping, columns: list[str], min_cells: int, earlier: Mapping[str, Any]
) -> None:
    """Warn once of each thing that looks wrong about sets.

    Parameters
    ----------
    obs
        One row per cell.
    grouping
        Its sets.
    columns
        Those that name a set.
    min_cells
        Smaller sets were dropped.
    earlier
        Entries of ``uns``: what was said of the same dropped sets before is not said again.
    """
    reasons = (
        _across_studies(obs, grouping, columns),
        _dropped(grouping, columns, min_cells, earlier),
        _sentinel(grouping, columns),
    )
    for reason in reasons:
        if reason:
            warnings.warn(reason, UserWarning, stacklevel=4)


def _dropped(grouping: Grouping, columns: list[str], min_cells: int, earlier: Mapping[str, Any]) -> str:
    dropped, table = grouping.dropped, grouping.table
    tables = (content.get(_keys.DROPPED) for content in earlier.values() if isinstance(content, Mapping))
    if dropped.empty or any(found is not None and list(found.index) == list(dropped.index) for found in tables):
        return ""
    some = ", ".join(dropped.index[:5]) + (", ..." if len(dropped) > 5 else "")
    n_sets, n_cells = len(dropped) + len(table), int(dropped[_keys.N_CELLS].sum())
    share = n_cells / (n_cells + (grouping.codes >= 0).sum())
    text = (
        f"Dropped {len(dropped)} of {n_sets} sets ({len(dropped) / n_sets:.0%}) with fewer than "
        f"`min_cells={min_cells}` cells ({n_cells} cells in all, {share:.0%}): {some}."
    )
    gone = [
        f"{name} {value!r}"
        for name in (columns if len(columns) > 1 else [])
        for value in sorted(set(dropped[name].tolist()) - set(table[name].tolist()))
    ]
    return text + (f" No set is left of {', '.join(gone[:5])}." if gone else "")


def _sentinel(grouping: Grouping, columns: list[str]) -> str:
    table, sizes = grouping.table, np.bincount(grouping.codes[grouping.codes >= 0])
    for name in columns:
        values = table[name].astype(str)
        is_sentinel = values.str.strip().str.lower().isin(SENTINELS).to_numpy()
        if is_sentinel.any():
            value = values[is_sentinel].iloc[0]
            return _looks_unassigned(f"{name} {value!r}", sizes[is_sentinel].sum(), sizes.sum())
    largest = int(sizes.argmax())
    others = np.delete(sizes, largest)
    if len(sizes) >= _MIN_SETS and sizes[largest] > max(_SHARE * sizes.sum(), _MULTIPLE * others.max()):
        return _looks_unassigned(f"set {table.index[largest]!r}", sizes[largest], sizes.sum())
    return ""


def _looks_unassigned(what: str, n_cells: int, total: int) -> str:
    return (
        f"{what[0].upper()}{what[1:]}, with {n_cells} cells ({n_cells / total:.0%}), looks like the cells without a "
        "set, and is taken for one. If it is, make these values missing, or leave the cells out with `mask`."
    )


def _across_studies(obs: pd.DataFrame, grouping: Grouping, columns: list[str]) -> str:
    """Studies are known of all sets that are of one, so that only a column that is not in the table can divide some."""
    inside = grouping.codes >= 0
    for name in STUDIES:
        if name in obs and name not in grouping.table and name not in columns:
            n_studies = obs[name][inside].groupby(grouping.codes[inside], observed=True).nunique()
            across = grouping.table.index[n_studies.index[n_studies > 1]]
            if len(across):
                return (
                    f"{len(across)} of {len(grouping.table)} sets have cells of several values of {name!r}, such as "
                    f"{across[:3].tolist()}. If the same id stands for other donors there, group by {[*columns, name]}."
                )
    return ""
