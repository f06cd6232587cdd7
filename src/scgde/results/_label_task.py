"""Labels of sets, as classifiers take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scgde._checks import check_key
from scgde._columns import is_continuous
from scgde.sets import SetCovariate
from scgde.sets._covariates import check_label_classes
from scgde.sets._fitted_column import set_column
from scgde.stats import Labels, n_groups_of_rarest

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


class LabelTask(NamedTuple):
    """Which sets are labelled, and how.

    Attributes
    ----------
    covariate
        The label.
    rows
        Labelled sets, shape ``(n,)``.
    labels
        Theirs.
    """

    covariate: SetCovariate
    rows: np.ndarray
    labels: Labels

    @property
    def names(self) -> list[str]:
        """Of the classes; empty where labels are numbers."""
        return self.covariate.classes


def read_label_task(adata: AnnData, label_key: str, unlabeled: Any, groups: str | None, key: str) -> LabelTask:
    """Labels of the sets that have one.

    Parameters
    ----------
    adata
        A fitted AnnData.
    label_key
        Column of labels.
    unlabeled
        Value or values that stand for no label.
    groups
        Column of what must not be divided between training and test.
    key
        Name under which the fit was written.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within sets, or there is one class.
    """
    check_key(label_key, "label_key")
    column = set_column(adata, label_key, "label_key", key)
    none = unlabeled if isinstance(unlabeled, list | tuple | set | np.ndarray) else [unlabeled]
    column = column.where(~column.isin(list(none)))
    rows, donors = np.flatnonzero(column.notna()), np.arange(len(column))
    if groups is not None:
        codes = _codes(set_column(adata, groups, "group_key", key))
        # A set without a group is one of its own.
        donors = np.where(codes < 0, len(column) + donors, codes)
    label = SetCovariate.from_column(column, categorical=not is_continuous(column))
    if not label.classes and len(rows):
        return LabelTask(label, rows, Labels(label.values.to_numpy(dtype=float)[rows], donors[rows], 0))
    check_label_classes(label)
    return LabelTask(label, rows, Labels(_codes(column)[rows], donors[rows], len(label.classes)))


def _codes(column: pd.Series) -> np.ndarray:
    covariate = SetCovariate.from_column(column, categorical=True)
    return covariate.encode(column.index)


def check_enough_groups(task: LabelTask, n_splits: int) -> None:
    """Require that each class has a group for every part that is tested."""
    rarest = n_groups_of_rarest(task.labels.strata, task.labels.groups)
    if rarest < n_splits:
        what = "the rarest class" if task.names else "the labels"
        msg = (
            f"`n_splits` must be at most the labelled donors of {what} of {task.covariate.name!r}, {rarest}, "
            f"got {n_splits}. "
            + ("Lower it." if rarest > 1 else "Label more donors, or leave the class out with `unlabeled`.")
        )
        raise ValueError(msg)
