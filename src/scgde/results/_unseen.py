"""Which labels a fit has not learnt from: only these can be tested on its embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde import _keys
from scgde._columns import classes, is_continuous, known_values
from scgde.metrics import METRICS
from scgde.sets._entries import read_entries
from scgde.sets._fitted_column import set_column
from scgde.sets._seen_labels import seen_labels
from scgde.stats import predictability

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

#: From this share of errors that a seen label avoids in guessing another, or rank correlation, that one was seen, too.
_RELATED = 0.5
#: Classes that numbers are cut into, to be compared.
_N_CUTS = 5


def check_unseen(adata: AnnData, column: pd.Series, argument: str, key: str | None) -> None:
    """Require a label that the fit has not learnt from, under no name, on the sets that have one.

    Parameters
    ----------
    adata
        A fitted AnnData, one with embedded sets or, with ``key`` None, one of sets.
    column
        The label, by name of set.
    argument
        Name of the argument that gave it.
    key
        Name under which the fit was written.

    Raises
    ------
    ValueError
        If it is the label of the fit, or is known from it.
    """
    reason = why_seen(adata, column, key)
    if reason:
        msg = (
            f"`{argument}` must be a label that the fit has not learnt from, but {reason}: a test would only find what "
            "the fit was given. Fit without `label_key`, leave these sets out, or, if they are other sets, rename them."
        )
        raise ValueError(msg)


def check_columns_unseen(adata: AnnData, names: list[str], metric: str, argument: str, key: str | None) -> None:
    """:func:`check_unseen` of some columns, for a metric that reads the embedding: cells themselves know no label."""
    for name in names if metric not in METRICS.forms else ():
        check_unseen(adata, set_column(adata, name, argument, key), argument, key)


def why_seen(adata: AnnData, column: pd.Series, key: str | None) -> str:
    """Why the embedding cannot be tested for this column; empty where it can."""
    seen = _read(adata, key)
    column = column[column.notna()]
    if seen is None:
        return ""
    seen = seen[seen.index.isin(column.index) & (seen.notna() | (seen.name == column.name)).to_numpy()]
    if not len(seen):
        return ""
    of_sets = f"of {len(seen)} sets: {seen.index[:5].tolist()}"
    if seen.name == column.name:
        return f"it was trained with {column.name!r} {of_sets}"
    if _relation(seen, column[seen.index]) >= _RELATED:
        return f"it was trained with {seen.name!r}, from which {column.name!r} is known, {of_sets}"
    return ""


def _read(adata: AnnData, key: str | None) -> pd.Series | None:
    if key is not None:
        return seen_labels(read_entries(adata, key), key)
    table = adata.uns.get(_keys.SEEN_LABELS)
    return None if table is None else table.iloc[:, 0]


def _relation(seen: pd.Series, column: pd.Series) -> float:
    """How well one of two columns is known from the other: 1 for coarser and finer labels, 0 for unrelated ones."""
    seen, column = (known_values(values.infer_objects()) for values in (seen, column))
    codes = _codes(seen), _codes(column)
    by_classes = max(predictability(*codes), predictability(*codes[::-1]))
    if is_continuous(seen) and is_continuous(column):
        return max(by_classes, abs(float(seen.rank().corr(column.rank()))))
    return by_classes


def _codes(column: pd.Series) -> np.ndarray:
    """Codes of classes, or of parts of the range of numbers."""
    if not is_continuous(column):
        return classes(column)[0]
    order = column.rank(method="first").to_numpy() - 1
    return (order * min(_N_CUTS, len(column) // 2 or 1) // len(column)).astype(np.int64)
