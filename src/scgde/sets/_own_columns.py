"""Names that scgde may write: those that are free, and those that it wrote; what else there is, is the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_groupby, check_key
from scgde.sets._columns import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData

    from scgde._types import GroupBy

#: Columns that a fit adds to the set table.
OF_FITS = (_keys.N_CELLS, _keys.SPLIT, _keys.WEIGHT)


def is_fit_entry(content: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether an entry of ``uns`` is that of a fit, or of embedded sets."""
    return isinstance(content, Mapping) and {_keys.EMBEDDING, _keys.SETS} <= set(content)


def own_columns(content: Mapping[str, Any]) -> list[str]:
    """Columns of the set table that scgde wrote there."""
    if _keys.OWN_COLUMNS in content:
        return [str(name) for name in content[_keys.OWN_COLUMNS]]
    # Earlier versions kept no list.
    table, params = content[_keys.SETS], content.get(_keys.PARAMS, {})
    labels = [*content.get(_keys.CLASSIFICATION, {}), *([params["label_key"]] if "label_key" in params else [])]
    starts = tuple(f"{label}_{what}" for label in labels for what in ("predicted", "probability_"))
    own = {_keys.N_CELLS, _keys.SPLIT, *([_keys.WEIGHT] if "set_weights" in params else [])}
    return [str(name) for name in table if name in own or str(name).startswith(starts)]


def own_column(content: Mapping[str, Any], key: str, name: str) -> pd.Series | None:
    """Column that a fit itself added to the set table, under whichever name; None where it added none."""
    own = set(own_columns(content)) & set(content[_keys.SETS])
    found = next((one for one in (_other_name(key, name), name) if one in own), None)
    return None if found is None else content[_keys.SETS][found]


def counts_of_sets(content: Mapping[str, Any], key: str) -> np.ndarray:
    """Cells of each set when it was embedded, shape ``(S,)``.

    Raises
    ------
    ValueError
        If the set table does not hold them.
    """
    column = own_column(content, key, _keys.N_CELLS)
    if column is None:
        msg = f"`adata.uns[{key!r}]['sets']` must hold {_keys.N_CELLS!r}, as the fit wrote it. Embed the sets again."
        raise ValueError(msg)
    return column.to_numpy()


def recounted(content: Mapping[str, Any], key: str, sizes: np.ndarray) -> pd.DataFrame:
    """The set table with the cells that each set has now, ``sizes`` ``(S,)``."""
    column = own_column(content, key, _keys.N_CELLS)
    table = content[_keys.SETS]
    return table if column is None or np.array_equal(column, sizes) else table.assign(**{str(column.name): sizes})


def add_own_columns(table: pd.DataFrame, key: str, columns: Mapping[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """The set table with columns of the fit, and the names that they got.

    A column of the user's keeps its name: that of the fit is then called ``"<key>_<name>"``, unless both say the same.
    """
    added: dict[str, Any] = {}
    for name, values in columns.items():
        column = pd.Series(values).set_axis(table.index)
        is_taken = name in table and not np.array_equal(as_text(table[name]), as_text(column))
        added[_other_name(key, name) if is_taken else name] = column
    return table.assign(**added), list(added)


def computed_columns(uns: Mapping[str, Any]) -> list[str]:
    """Columns that were computed from embeddings of any fit in ``uns``: predictions, and weights of sets."""
    fits = [content for content in uns.values() if is_fit_entry(content)]
    return [name for content in fits for name in own_columns(content) if name not in OF_FITS]


def check_writable(adata: AnnData, key: str, *, reads: Sequence[str | None] = (), label_key: str | None = None) -> None:
    """Require that results can be written under ``key``, over an earlier fit or where names are free.

    Parameters
    ----------
    adata
        Cells.
    key
        Name of the results, the argument ``key_added``.
    reads
        Entries of ``obsm`` that are read.
    label_key
        Label that is predicted.

    Raises
    ------
    ValueError
        If ``key`` is no name that files can hold, or ``adata`` is a view of a file, or an entry is not of an earlier
        fit.
    """
    check_key(key, "key_added")
    check_not_backed_view(adata)
    column, entry = _keys.set_column(key), _keys.cell_embedding(key)
    found = adata.uns.get(key)
    is_fit = is_fit_entry(found)
    # Without `uns`, as after `anndata.concat`, the two others together are those of a fit.
    is_ours = is_fit or (found is None and column in adata.obs and entry in adata.obsm)
    others = {"uns": (key, adata.uns), "obs": (column, adata.obs), "obsm": (entry, adata.obsm)}
    taken = [f"adata.{where}[{name!r}]" for where, (name, holder) in others.items() if name in holder and not is_ours]
    if entry in reads:
        taken = [f"adata.obsm[{entry!r}], which is read,"]
    if taken:
        msg = (
            f"`key_added` must be a name that is free or of an earlier fit, but {key!r} would overwrite "
            f"{' and '.join(taken)}. Choose another name."
        )
        raise ValueError(msg)
    if label_key is not None:
        check_free(adata, key, [f"{label_key}_predicted"], "label_key")


def check_not_backed_view(adata: AnnData) -> None:
    """Require that results can be written: AnnData cannot turn a view of a file into an object of its own."""
    if not isinstance(adata.obs, pd.DataFrame):
        msg = (
            f"`adata.obs` must be a DataFrame in memory, got {type(adata.obs).__name__}. "
            "Call `adata.obs = adata.obs.to_memory()` first; matrices may stay lazy."
        )
        raise TypeError(msg)
    if adata.isbacked and adata.is_view:
        msg = "`adata` must not be a view of a backed file, which nothing can be written to. Call `.to_memory()` first."
        raise ValueError(msg)


def without_own_columns(adata: AnnData, groupby: GroupBy, key: str) -> pd.DataFrame:
    """``obs`` without what fits wrote: sets of this key, predictions; unless sets are grouped by it."""
    own = {_keys.set_column(key), *computed_columns(adata.uns)} - set(check_groupby(groupby))
    return adata.obs.drop(columns=list(own), errors="ignore")


def check_free(adata: AnnData, key: str, names: Iterable[str], argument: str) -> None:
    """Require names of columns that are free, or that scgde wrote under ``key``.

    Raises
    ------
    ValueError
        If a column is the user's, or one that scgde needs itself.
    """
    content = adata.uns.get(key, {})
    table = content.get(_keys.SETS, pd.DataFrame())
    reserved = {key, _keys.set_column(key), _keys.N_CELLS}
    own = (set(own_columns(content)) if len(content) else set()) - reserved
    used = {*adata.obs, *table, *reserved} - own
    taken = [name for name in names if name in used]
    if taken:
        msg = (
            f"`{argument}` must lead to columns that are free, but {taken[:3]} would be overwritten, in `adata.obs` or "
            "in the set table. Rename or delete what is there, or choose another name."
        )
        raise ValueError(msg)


def _other_name(key: str, name: str) -> str:
    return f"{key}_{name}"
