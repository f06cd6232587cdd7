"""What a fit is told of sets besides their cells, a label and a batch, and what it predicts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_columns
from scgde.sets._set_table import rows_of_cells
from scgde.sets._views import materialize
from scgde.tl._set_level import classes, is_continuous

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.model import GDE
    from scgde.sets._grouping import Grouping


class Told(NamedTuple):
    """A column of the set table as a model takes it.

    Attributes
    ----------
    classes
        Names of its classes; empty where values are numbers.
    values
        Name of the class, or number, by set; missing for some.
    """

    classes: list[str]
    values: pd.Series


def label_of_sets(obs: pd.DataFrame, grouping: Grouping, label_key: str | None) -> Told | None:
    """Labels of the sets that have one.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within sets, or there is one class.
    """
    if label_key is None:
        return None
    column = _set_level(obs, grouping, label_key, "label_key")
    if is_continuous(column):
        return Told([], column.astype(float))
    told = Told(classes(column)[1], class_names(column))
    if len(told.classes) < 2:
        msg = (
            f"`label_key` must have two classes or more, but the {int(column.notna().sum())} labelled sets of "
            f"{label_key!r} have {told.classes}. Label more sets."
        )
        raise ValueError(msg)
    check_distinct_columns(label_key, told.classes)
    return told


def batch_of_sets(obs: pd.DataFrame, grouping: Grouping, batch_key: str | None) -> Told | None:
    """Batches of the sets.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If it varies within sets, or does not group them.
    """
    if batch_key is None:
        return None
    values = class_names(_set_level(obs, grouping, batch_key, "batch_key"))
    sizes = values.value_counts()
    if len(sizes) < 2 or sizes.iloc[0] < 2:
        msg = (
            f"`batch_key` must have two batches or more, at least one with several sets, but {batch_key!r} has "
            f"{len(sizes)}, the largest with {sizes.max() if len(sizes) else 0}. Choose what several sets share."
        )
        raise ValueError(msg)
    return Told(classes(values)[1], values)


def class_names(column: pd.Series) -> pd.Series:
    """Name of the class of each set, None where missing."""
    codes, names = classes(column)
    return pd.Series(np.array([*names, None], dtype=object)[codes], index=column.index, dtype=object)


def prediction_columns(name: str, names: Sequence[str], outputs: np.ndarray) -> dict[str, pd.Series]:
    """What is written per set, by name of column.

    Parameters
    ----------
    name
        Of the label.
    names
        Of its classes; empty where it is a number.
    outputs
        Probability of each class, ``(S, C)``, or the number, ``(S, 1)``.
    """
    if not names:
        return {f"{name}_predicted": pd.Series(outputs[:, 0])}
    predicted = pd.Categorical.from_codes(outputs.argmax(axis=1), pd.Index(names))
    probabilities = dict(zip(_probability_columns(name, names), map(pd.Series, outputs.T), strict=True))
    return {f"{name}_predicted": pd.Series(predicted)} | probabilities


def check_distinct_columns(name: str, names: Sequence[str]) -> None:
    """Require classes whose columns have different names."""
    if len(set(_probability_columns(name, names))) < len(names):
        msg = f"Classes of `label_key` must differ where '/' is written as '_', got {list(names)}. Rename some."
        raise ValueError(msg)


def write_columns(adata: AnnData, columns: dict[str, pd.Series], key: str) -> None:
    """Write columns with one value per set into the set table and ``obs``."""
    materialize(adata)
    table = adata.uns[key][_keys.SETS]
    rows = rows_of_cells(adata.obs[_keys.set_column(key)], table)
    for name, values in columns.items():
        table[name] = values.set_axis(table.index)
        adata.obs[name] = values.reindex(rows).set_axis(adata.obs_names)


def write_predictions(adata: AnnData, model: GDE, key: str) -> None:
    """Write what a model with a label predicts of all sets."""
    outputs = model.predict(adata.uns[key][_keys.EMBEDDING])
    write_columns(adata, prediction_columns(model.source["label_key"], model.label_classes or [], outputs), key)


def _probability_columns(name: str, names: Sequence[str]) -> list[str]:
    # A slash would be a folder in files.
    return [f"{name}_probability_{one.replace('/', '_')}" for one in names]


def _set_level(obs: pd.DataFrame, grouping: Grouping, name: Any, argument: str) -> pd.Series:
    """One value per set of a column of ``obs``."""
    check_columns(obs, [name], argument)
    if name in grouping.table:
        return grouping.table[name]
    inside = pd.DataFrame({"set": grouping.codes, "value": obs[name].to_numpy()})[grouping.codes >= 0]
    n_values = inside.groupby("set")["value"].nunique(dropna=False)
    varying = grouping.table.index[n_values.index[n_values > 1]].tolist()
    msg = (
        f"`{argument}` must name a column that is constant within sets, but {name!r} varies in {len(varying)}, "
        f"such as {varying[:3]}. Give all cells of a set one value."
    )
    raise ValueError(msg)
