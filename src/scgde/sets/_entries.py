"""Entries of ``uns`` that tables of sets stand in, as far as they hold for the cells that are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_set_table
from scgde.sets._columns import are_equal, first_cells, is_constant, writable
from scgde.sets._fingerprint import NAMES
from scgde.sets._own_columns import counts_of_sets, is_fit_entry, own_columns, recounted
from scgde.sets._set_table import rows_of_cells

if TYPE_CHECKING:
    from anndata import AnnData

    from scgde._types import Config

#: Entries with one row per set, in the order of the set table.
_BY_SET = (_keys.EMBEDDING, _keys.COVARIANCE, _keys.STANDARD_ERROR)
#: Columns of tables of other units that name sets.
_NAMING = {_keys.PAIRS: ("source", "target"), _keys.CONVERGENCE: ("set",)}


def read_entries(
    adata: AnnData,
    key: str,
    *,
    entry: str = _keys.EMBEDDING,
    made_by: str = "scgde.tl.fit_gde",
    or_else: str = "",
) -> Config:
    """Entries of a fit for the sets that ``adata`` holds now; what ``adata`` stores stays as it is.

    Rows of the set table are matched to embeddings by name, sets without cells are left out, and columns that ``obs``
    holds are read from there.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets.
    key
        Name under which the fit was written.
    entry, made_by, or_else
        Entry that is required, the function that writes it, and another way out, for messages.

    Raises
    ------
    KeyError
        If there is no such entry.
    ValueError
        If cells, sets or groups are not those that were embedded.
    """
    check_set_table(adata.uns, key, entry=entry, made_by=made_by, or_else=or_else)
    content = _matched(_in_present_names(dict(adata.uns[key])), key)
    column = adata.obs.get(set_column_of(content, key))
    if column is None:
        return content
    codes = rows_of_cells(column, content[_keys.SETS])
    sizes = np.bincount(codes[codes >= 0], minlength=len(content[_keys.SETS]))
    _check_known(content, column[codes < 0], key)
    _check_whole(content, sizes, key)
    present = np.flatnonzero(sizes)
    if len(present) < len(sizes):
        content = _take(content, content[_keys.SETS].iloc[present], present)
        codes = rows_of_cells(column, content[_keys.SETS])
    if not is_fit_entry(content):
        content = content | {_keys.SETS: recounted(content, key, sizes[present])}
    return content | {_keys.SETS: _current(content, adata.obs, codes, key)}


def set_column_of(content: Config, key: str) -> str:
    """Column of ``obs`` with the set of each cell, of a fit or of ``scgde.pp.make_sets``."""
    return _keys.set_column(key) if is_fit_entry(content) else key


def _in_present_names(content: Config) -> Config:
    """Tables of sets and pairs with the column ``split``, which the preview of 0.1.0 called ``role``."""
    tables = {name: content[name] for name in (_keys.SETS, _keys.PAIRS) if _OLD_SPLIT in content.get(name, ())}
    return content | {name: _with_split(table) for name, table in tables.items()}


def _with_split(table: pd.DataFrame) -> pd.DataFrame:
    if not set(table[_OLD_SPLIT].astype(str)) <= {*_keys.SPLITS[:2], _OLD_TEST}:
        return table
    split = table[_OLD_SPLIT].astype(str).replace(_OLD_TEST, _keys.SPLITS[-1])
    # A column of the user's of this name is in `obs`, too.
    return table.drop(columns=_OLD_SPLIT).assign(**{_keys.SPLIT: pd.Categorical(split, pd.Index(_keys.SPLITS))})


_OLD_SPLIT, _OLD_TEST = "role", "held out"


def _matched(content: Config, key: str) -> Config:
    """Entries in the order in which sets were embedded, those that the table still has."""
    table, known = content[_keys.SETS], content.get(_keys.FINGERPRINT)
    names = table.index if known is None else pd.Index(list(map(str, known[NAMES])))
    if known is not None and table.index.astype(str).equals(names):
        return content
    rows = names.get_indexer(table.index.astype(str)) if known is not None else np.arange(len(table))
    n_embedded = len(content[_keys.EMBEDDING]) if _keys.EMBEDDING in content else len(table)
    if (rows < 0).any() or table.index.has_duplicates or (known is None and n_embedded != len(table)):
        msg = (
            f"`adata.uns[{key!r}]['sets']` must have a row for each embedded set, under its name, but has "
            f"{len(table)} for {n_embedded} sets: {table.index[rows < 0][:5].tolist() or table.index[:5].tolist()}. "
            + _again(content)
        )
        raise ValueError(msg)
    order = np.argsort(rows, kind="stable")
    return content if known is None else _take(content, table.iloc[order], rows[order])


def _take(content: Config, table: pd.DataFrame, rows: np.ndarray) -> Config:
    """Entries of some sets, ``rows`` of what is stored."""
    part: dict[str, Any] = {name: np.asarray(content[name])[rows] for name in _BY_SET if name in content}
    if _keys.DISTANCES in content:
        found = content[_keys.DISTANCES]
        part[_keys.DISTANCES] = {name: np.asarray(found[name])[np.ix_(rows, rows)] for name in found}
    if _keys.NEIGHBOR_DISTANCES in content:
        near = content[_keys.NEIGHBOR_DISTANCES]
        part[_keys.NEIGHBOR_DISTANCES] = {name: near[name].tocsr()[rows][:, rows] for name in near}
    if _keys.FINGERPRINT in content:
        known = content[_keys.FINGERPRINT]
        part[_keys.FINGERPRINT] = {name: np.asarray(known[name])[rows] for name in known}
    for name, columns in _NAMING.items():
        if name in content:
            inside = content[name][list(columns)].isin(table.index).all(axis=1)
            part[name] = content[name][inside]
    return content | part | {_keys.SETS: table}


def _current(content: Config, obs: pd.DataFrame, codes: np.ndarray, key: str) -> pd.DataFrame:
    """The set table with the values that columns of ``obs`` have now; without those that vary within sets."""
    table, own, groups = content[_keys.SETS], own_columns(content), _group_columns(content)
    cells, first = np.flatnonzero(codes >= 0), first_cells(codes, len(content[_keys.SETS]))
    changed, varying = {}, []
    for name in (name for name in table if name in obs and name not in own):
        now = obs[name].iloc[first]
        if not is_constant(obs[name], cells, first[codes[cells]]):
            varying.append(name)
        elif not are_equal(table[name].astype(object).array, now.astype(object).array):
            changed[name] = writable(now).array
    if not changed and not varying:
        return table
    current = content | {_keys.SETS: table.drop(columns=varying).assign(**changed)}
    _check_same_groups(current, groups, varying, key)
    return current[_keys.SETS]


def _group_columns(content: Config) -> list[str]:
    """Columns that name a set."""
    params = content.get(_keys.PARAMS, {})
    groups = params.get("groupby", [])
    times = [params["time_key"]] if "time_key" in params else []
    return [*([groups] if isinstance(groups, str) else map(str, groups)), *times]


def _check_same_groups(content: Config, groups: list[str], varying: list[str], key: str) -> None:
    """Require that group columns still tell the sets apart."""
    table = content[_keys.SETS]
    known = [name for name in groups if name in table]
    if set(groups) & set(varying) or (known and table[known].duplicated().any()):
        msg = f"{groups} of `adata.obs` must group the cells as under {key!r}, but do no longer. " + _again(content)
        raise ValueError(msg)


def _check_known(content: Config, column: pd.Series, key: str) -> None:
    """Require that no cell, of those in no set of the table, is in another set."""
    unknown = column.dropna().unique().tolist()
    if unknown:
        msg = (
            f"`adata.obs[{set_column_of(content, key)!r}]` must name sets of `adata.uns[{key!r}]`, but names "
            f"{len(unknown)} others: {unknown[:5]}. " + _again(content)
        )
        raise ValueError(msg)


def _check_whole(content: Config, sizes: np.ndarray, key: str) -> None:
    """Require that each set has all of its cells, or none."""
    table, expected = content[_keys.SETS], counts_of_sets(content, key)
    if not sizes.any():
        msg = f"`adata` must hold cells of a set of the fit {key!r}, but holds none of {len(sizes)}. " + _again(content)
        raise ValueError(msg)
    differ = (sizes > 0) & (sizes != expected) & is_fit_entry(content)
    if differ.any():
        i = int(np.flatnonzero(differ)[0])
        msg = (
            f"`adata` must hold all cells of its sets, as they were embedded, but {int(differ.sum())} sets have others "
            f"now: {table.index[differ][:5].tolist()}. {table.index[i]!r} has {sizes[i]} cells, and had {expected[i]}. "
            + _again(content)
        )
        raise ValueError(msg)


def _again(content: Config) -> str:
    if is_fit_entry(content):
        return "Use the AnnData of the fit, or embed the sets that are here with `scgde.tl.embed(adata, adata)`."
    return "Make the sets again with `scgde.pp.make_sets`."
