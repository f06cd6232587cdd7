"""Validators of user input: what is required, what came, what to do."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys
from scgde._hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

#: Counts in the options of networks that may be zero.
_MAY_BE_ZERO = ("n_layers", "n_extra")


def check_columns(obs: pd.DataFrame, **named: str | Sequence[str] | None) -> None:
    """Require that what arguments name, by name of the argument, are columns of ``obs``; None names none."""
    check_unique_columns(obs)
    for argument, columns in named.items():
        missing = [column for column in as_names(columns) if column not in obs.columns]
        if not missing:
            continue
        hint = did_you_mean(missing[0], obs.columns)
        msg = f"`{argument}` must name columns of `adata.obs`, got {missing}. Columns: {list(obs.columns)}.{hint}"
        raise KeyError(msg)


def as_names(names: str | Sequence[str] | None) -> list[str]:
    """A list, also of one name or of none."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def check_unique_columns(obs: pd.DataFrame) -> None:
    """Require that no two columns have one name: neither could be meant."""
    if not obs.columns.is_unique:
        repeated = obs.columns[obs.columns.duplicated()].unique().tolist()
        msg = f"Columns of `adata.obs` must have names of their own, got several called {repeated}. Rename them."
        raise ValueError(msg)


def check_groupby(groupby: Any) -> list[str]:
    """Return ``groupby`` as a list of distinct column names."""
    is_sequence = isinstance(groupby, list | tuple | np.ndarray)
    columns = list(groupby) if is_sequence else [groupby]
    if not all(isinstance(column, str) for column in columns):
        msg = f"`groupby` must be a column name or a list of column names, got {groupby!r}."
        raise TypeError(msg)
    if not columns:
        msg = "`groupby` must name at least one column of `adata.obs`, got none."
        raise ValueError(msg)
    if len(set(columns)) < len(columns):
        msg = f"`groupby` must name each column once, got {columns}."
        raise ValueError(msg)
    return columns


def check_count(value: Any, argument: str, *, minimum: int = 1) -> int:
    """Return ``value`` as an int that is at least ``minimum``."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        msg = f"`{argument}` must be an integer, got {value!r}."
        raise TypeError(msg)
    if value < minimum:
        msg = f"`{argument}` must be at least {minimum}, got {value}."
        raise ValueError(msg)
    return int(value)


def check_jobs(value: Any, argument: str) -> int | None:
    """Return a number of processes as joblib takes it, below zero for all cores but some; None for its default."""
    if value is None:
        return None
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        msg = f"`{argument}` must be an integer, got {value!r}."
        raise TypeError(msg)
    if value == 0:
        msg = f"`{argument}` must be at least 1, or -1 for all cores, got 0."
        raise ValueError(msg)
    return int(value)


def check_options(options: Any, argument: str) -> dict[str, Any]:
    """Return options of a network by name, none for None; counts, called ``n_...``, must be counts.

    Options of parts, in dicts within, are checked alike. The rest is left to the network.
    """
    if not isinstance(options, Mapping | None) or not all(isinstance(name, str) for name in options or ()):
        msg = f"`{argument}` must be a dict of options by name, got {options!r}."
        raise TypeError(msg)
    for name, value in (options or {}).items():
        if isinstance(value, Mapping):
            check_options(value, f"{argument}[{name!r}]")
        elif name.startswith("n_") and value is not None:
            check_count(value, f"{argument}[{name!r}]", minimum=0 if name in _MAY_BE_ZERO else 1)
    return dict(options or {})


def check_positive(value: Any, argument: str) -> float:
    """Return ``value`` as a finite float above zero."""
    _check_number(value, argument)
    if not 0 < value < np.inf:
        msg = f"`{argument}` must be positive and finite, got {value}."
        raise ValueError(msg)
    return float(value)


def check_non_negative(value: Any, argument: str) -> float:
    """Return ``value`` as a finite float, zero or above."""
    _check_number(value, argument)
    if not 0 <= value < np.inf:
        msg = f"`{argument}` must be zero or positive, and finite, got {value}."
        raise ValueError(msg)
    return float(value)


def check_flag(value: Any, argument: str) -> bool:
    """Return ``value`` as True or False."""
    if not isinstance(value, bool | np.bool_):
        msg = f"`{argument}` must be True or False, got {value!r}."
        raise TypeError(msg)
    return bool(value)


def check_one_of(value: Any, argument: str, options: Sequence[str]) -> str:
    """Require that ``value`` is one of ``options``."""
    if value not in options:
        msg = f"`{argument}` must be one of {list(options)}, got {value!r}.{did_you_mean(value, options)}"
        raise ValueError(msg)
    return value


def check_key(key: Any, argument: str) -> str:
    """Require a name that AnnData files can hold."""
    if not isinstance(key, str) or not key or "/" in key:
        msg = f"`{argument}` must be a name without '/', got {key!r}."
        raise ValueError(msg)
    return key


def check_seed(seed: Any) -> np.random.Generator:
    """Return the random generator of ``seed``, a non-negative integer."""
    return np.random.default_rng(check_count(seed, "seed", minimum=0))


def check_interval(low: Any, high: Any, arguments: str) -> None:
    """Require two finite numbers in increasing order."""
    for value in (low, high):
        _check_number(value, arguments.strip("`"))
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        msg = f"{arguments} must be finite and in increasing order, got {low} and {high}."
        raise ValueError(msg)


def check_fraction(value: Any, argument: str) -> float:
    """Return ``value`` as a float in [0, 1]."""
    _check_number(value, argument)
    if not 0 <= value <= 1:
        msg = f"`{argument}` must be a number in [0, 1], got {value!r}."
        raise ValueError(msg)
    return float(value)


def check_fractions(fractions: Any, n_parts: int) -> np.ndarray:
    """Return ``fractions`` as ``n_parts`` non-negative floats that sum to 1."""
    values = np.asarray(fractions, dtype=float)
    if values.shape != (n_parts,) or not (values >= 0).all() or not np.isclose(values.sum(), 1):
        msg = f"`fractions` must be {n_parts} non-negative numbers that sum to 1, got {fractions!r}."
        raise ValueError(msg)
    return values


def check_sets(known: pd.Index, names: str | Iterable[str], arguments: str) -> np.ndarray:
    """Return the position in ``known``, names of fitted sets, of each of ``names``, one or more."""
    names = check_names(names, arguments)
    positions = {name: position for position, name in enumerate(known)}
    unknown = [name for name in names if name not in positions]
    if unknown or not names:
        msg = (
            f"{arguments} must name fitted sets, got {unknown[:5]}. Some sets: {known[:5].tolist()}."
            f"{_set_hint(known, names, unknown)}"
        )
        raise KeyError(msg)
    return np.array([positions[name] for name in names])


def check_names(names: Any, arguments: str) -> list[Any]:
    """Return a name, or a collection of them, as a list."""
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Iterable) or not all(isinstance(name, Hashable) for name in names):
        msg = f"{arguments} must be names of sets, got {names!r}. For embeddings, where these are taken, pass an array."
        raise TypeError(msg)
    return list(names)


def _set_hint(known: pd.Index, names: list[Any], unknown: list[Any]) -> str:
    """How a set of several columns is named, where values of these were given; else a name that is like the first."""
    given = [names, *(list(name) for name in unknown if isinstance(name, tuple))]
    joined = next((name for one in given if (name := _keys.SEPARATOR.join(map(str, one))) in known), None)
    if joined is not None:
        return f" A set of several columns is named by its values, joined: {joined!r}."
    return did_you_mean(unknown[0], known) if unknown else ""


def check_set_table(uns: Any, key: str, *, entry: str, made_by: str, or_else: str = "") -> None:
    """Require ``uns[key]`` with a set table and ``entry``, as the function ``made_by`` writes them."""
    stored = uns.get(key)
    missing = [name for name in ("sets", entry) if not hasattr(stored, "keys") or name not in stored]
    if missing:
        msg = (
            f"`adata.uns[{key!r}]` must hold {missing}, which `{made_by}` writes. "
            f"Run it first, or pass its `key_added` as `key`{or_else}. Keys of `adata.uns`: {list(uns)}."
        )
        raise KeyError(msg)


def _check_number(value: Any, argument: str) -> None:
    if not isinstance(value, int | float | np.number) or isinstance(value, bool | np.bool_):
        msg = f"`{argument}` must be a number, got {value!r}."
        raise TypeError(msg)
