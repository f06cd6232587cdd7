"""What is known of each set besides its cells: read from a column, encoded for networks, decoded from their outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._columns import classes, is_continuous

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class SetCovariate:
    """A label, batch or condition of sets.

    Attributes
    ----------
    name
        Of the column.
    classes
        Names of its classes, in their natural order; empty where values are numbers.
    values
        Name of the class, or number, by name of set; missing for some.
    """

    name: str
    classes: list[str]
    values: pd.Series

    @classmethod
    def from_column(cls, column: pd.Series, *, categorical: bool = False) -> SetCovariate:
        """Covariate of one value per set: numbers, unless few and whole or ``categorical``; else classes.

        Raises
        ------
        ValueError
            If a number is infinite.
        """
        if not categorical and is_continuous(column):
            return cls(str(column.name), [], _finite(column.astype(float)))
        codes, names = classes(column)
        values = np.array([*names, None], dtype=object)[codes]
        return cls(str(column.name), names, pd.Series(values, index=column.index, dtype=object))

    @classmethod
    def of_classes(cls, name: str, names: Sequence[str] | None) -> SetCovariate:
        """Covariate of known classes, no set of which has a value yet."""
        return cls(name, list(names or []), pd.Series(dtype=object))

    def encode(self, sets: pd.Index) -> np.ndarray:
        """Values of some sets as networks take them, shape ``(S,)``: int64 codes, -1 where missing, or float32, NaN.

        Raises
        ------
        ValueError
            If a value is none of the classes.
        """
        column = self.values.reindex(sets)
        if not self.classes:
            return column.astype(float).to_numpy(dtype=np.float32)
        codes = pd.Index(self.classes).get_indexer(pd.Index(column.astype(str)))
        unknown = column[(codes < 0) & column.notna().to_numpy()]
        if len(unknown):
            msg = f"`{self.name}` must be among {self.classes[:10]}, got {unknown.iloc[0]!r}."
            raise ValueError(msg)
        return np.where(column.isna(), -1, codes).astype(np.int64)

    def known(self, sets: pd.Index) -> dict[str, object]:
        """Names of classes, or numbers, of those sets that have one, by name of set."""
        return {str(name): value for name, value in self.values.reindex(sets).dropna().items()}

    def encode_label(self, sets: pd.Index) -> np.ndarray:
        """The same as float32, NaN where missing, also for classes: as a label head takes it."""
        values = self.encode(sets)
        return np.where(values < 0, np.nan, values).astype(np.float32) if self.classes else values

    @property
    def output_columns(self) -> list[str]:
        """Names of the columns of :meth:`decode`."""
        return [f"{self.name}_predicted", *probability_columns(self.name, self.classes)]

    def decode(self, outputs: np.ndarray) -> dict[str, pd.Series]:
        """Columns of predictions, by name.

        Parameters
        ----------
        outputs
            Probability of each class, ``(S, C)``, or the number, ``(S, 1)``.

        Returns
        -------
        ``"<name>_predicted"`` and, of classes, ``"<name>_probability_<class>"``.
        """
        predicted, *columns = self.output_columns
        if not self.classes:
            return {predicted: pd.Series(outputs[:, 0])}
        best = pd.Categorical.from_codes(outputs.argmax(axis=1), pd.Index(self.classes))
        return {predicted: pd.Series(best)} | dict(zip(columns, map(pd.Series, outputs.T), strict=True))


def read_label(column: pd.Series) -> SetCovariate:
    """Label of sets, which some may lack.

    Raises
    ------
    ValueError
        If a number is infinite, there is one class, each class has one set, or the columns of predictions of two
        classes would have one name.
    """
    label = SetCovariate.from_column(column)
    if label.classes or label.values.notna().sum() == 0:
        check_label_classes(label)
        _check_sets_of_classes(label)
    return label


def read_batch(column: pd.Series) -> SetCovariate:
    """Batch of sets.

    Raises
    ------
    ValueError
        If there is one batch, or no batch has several sets.
    """
    batch = SetCovariate.from_column(column, categorical=True)
    sizes = batch.values.value_counts()
    if len(sizes) < 2 or sizes.iloc[0] < 2:
        msg = (
            f"`batch_key` must have two batches or more, at least one with several sets, but {batch.name!r} has "
            f"{len(sizes)}, the largest with {sizes.max() if len(sizes) else 0}. Choose what several sets share."
        )
        raise ValueError(msg)
    return batch


def encode_batch(batch: str | Sequence[str | None] | None, n_sets: int, names: Sequence[str] | None) -> np.ndarray:
    """Codes of one batch for all sets, or of one for each: int64 ``(S,)``, -1 for none.

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
    if names is None:
        return np.full(n_sets, -1, dtype=np.int64)
    return SetCovariate("batch", list(names), pd.Series(given, dtype=object)).encode(pd.RangeIndex(n_sets))


def check_learnable(labels: np.ndarray) -> np.ndarray:
    """Require two values among encoded labels ``(S,)`` of training sets: else there is nothing to learn."""
    known = labels[~np.isnan(labels)]
    if len(np.unique(known)) < 2:
        msg = (
            f"Training sets with two labels or more are required, but {len(known)} of "
            f"{len(labels)} have one, all the same. Label more sets, or choose which to train on with `split_key`."
        )
        raise ValueError(msg)
    return labels


def check_label_classes(label: SetCovariate) -> None:
    """Require two classes or more, whose columns of predictions have different names."""
    if len(label.classes) < 2:
        msg = (
            f"`label_key` must have two classes or more, but the {int(label.values.notna().sum())} labelled sets of "
            f"{label.name!r} have {label.classes}. Label more sets, and check which values stand for none."
        )
        raise ValueError(msg)
    if len(set(probability_columns(label.name, label.classes))) < len(label.classes):
        msg = f"Classes of `label_key` must differ where '/' is written as '_', got {label.classes}. Rename some."
        raise ValueError(msg)


def _check_sets_of_classes(label: SetCovariate) -> None:
    """Require a class of several sets, where there are more than two: names of sets, or numbers as text, are none."""
    n_classes = len(label.classes)
    if n_classes > 2 and n_classes == label.values.notna().sum():
        msg = (
            f"`label_key` must have a class with several sets, but each of {n_classes} labelled sets of {label.name!r} "
            f"has one of its own, such as {label.classes[:3]}. Convert numbers that are text with `pandas.to_numeric`, "
            "or choose what several sets share."
        )
        raise ValueError(msg)


def _finite(column: pd.Series) -> pd.Series:
    """Numbers of sets, of which those that are not missing must be finite."""
    infinite = column.index[np.isinf(column)]
    if len(infinite):
        msg = (
            f"{column.name!r} must hold finite numbers, got {column[infinite[0]]} for {len(infinite)} sets, such as "
            f"{infinite[0]!r}. Leave out what is not known as NaN."
        )
        raise ValueError(msg)
    return column


def probability_columns(name: str, names: Sequence[str]) -> list[str]:
    """Name of the column with the probability of each class."""
    # A slash would be a folder in files.
    return [f"{name}_probability_{one.replace('/', '_')}" for one in names]
