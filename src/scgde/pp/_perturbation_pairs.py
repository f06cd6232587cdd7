from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._checks import as_names, check_columns
from scgde._hints import checked_keywords, did_you_mean
from scgde.sets._columns import SEPARATOR, as_text, per_set_column
from scgde.sets._grouping import group_cells
from scgde.sets._pairs import CONTEXT, CONTROL, DOSE, PERTURBATION, SOURCE, TARGET
from scgde.sets._perturbations import PLUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


@checked_keywords
def perturbation_pairs(
    adata: AnnData,
    perturbation_key: str,
    control: str,
    *,
    context_key: str | Sequence[str] | None = None,
    dose_key: str | None = None,
    sep: str = PLUS,
    min_cells: int = 10,
) -> pd.DataFrame:
    """Pairs of the control and each perturbation, within each context.

    Parameters
    ----------
    adata
        Cells; nothing is written.
    perturbation_key
        Column of ``obs`` with the perturbation of each cell, combinations as ``"A+B"``.
    control
        Value of unperturbed cells. As a part of a combination, ``"A+control"``, it counts as nothing.
    context_key
        Column or columns of what controls and perturbations share: a cell line, a replicate, a donor.
    dose_key
        Numeric column, constant within sets: the features of a perturbation are multiplied by it.
    sep
        Between the parts of a combination.
    min_cells
        Sets with fewer cells form no pair; give :func:`scgde.tl.fit_tde` the same number.

    Returns
    -------
    One row per pair: ``source`` and ``target``, names of sets, ``perturbation`` with parts joined by ``"+"``,
    ``control`` and, where there are any, ``context`` and ``dose``. Pass it to
    ``scgde.tl.fit_tde(adata, [context_key, perturbation_key], pairs=pairs)``, or without context to
    ``scgde.tl.fit_tde(adata, perturbation_key, pairs=pairs)``.

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If no context has both controls and perturbed cells, doses are no numbers or vary within a set, or a name holds
        ``"+"`` though another ``sep`` is given.

    Examples
    --------
    >>> import scgde
    >>> screen = scgde.datasets.perturbations(n_singles=6, n_doubles=4, n_cells=20, n_control=60)
    >>> pairs = scgde.pp.perturbation_pairs(screen, "perturbation", "control")
    >>> model = scgde.tl.fit_tde(screen, "perturbation", pairs=pairs, predictor="additive")
    """
    contexts = as_names(context_key)
    check_columns(adata.obs, context_key=contexts, perturbation_key=perturbation_key)
    columns = [*contexts, perturbation_key]
    grouping = group_cells(adata.obs[columns], columns, min_cells=min_cells)
    table = grouping.table
    dose = None if dose_key is None else _dose(adata.obs, grouping.codes, table.index, dose_key)
    of_context = _joined(table, contexts)
    perturbation = as_text(table[perturbation_key])
    is_control = perturbation == str(control)
    source = pd.Series(table.index[is_control], index=of_context[is_control])
    keep = ~is_control & np.isin(of_context, source.index)
    _check_any(keep, perturbation, of_context, control, min_cells)
    pairs = pd.DataFrame({SOURCE: source[of_context[keep]].to_numpy(), TARGET: table.index[keep]}, dtype=object)
    pairs[PERTURBATION] = [_canonical(name, sep, str(control)) for name in perturbation[keep]]
    pairs[CONTROL] = str(control)
    if contexts:
        pairs[CONTEXT] = of_context[keep]
    return pairs if dose is None else pairs.assign(**{DOSE: dose[keep]})


def _joined(table: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Values of the columns of each set as the name of its context; empty text without columns."""
    text = [as_text(table[name]) for name in columns]
    return np.array([SEPARATOR.join(values) for values in zip(*text, strict=True)] or [""] * len(table), dtype=object)


def _canonical(name: str, sep: str, control: str) -> str:
    """A perturbation with its parts joined by ``"+"``, and without the control among them."""
    if sep != PLUS and PLUS in name:
        msg = f"Names of perturbations must not hold {PLUS!r} where `sep` is {sep!r}, got {name!r}. Rename it."
        raise ValueError(msg)
    parts = [part for part in name.split(sep) if part and part != control]
    return PLUS.join(parts) or name


def _dose(obs: pd.DataFrame, codes: np.ndarray, names: pd.Index, dose_key: str) -> np.ndarray:
    column = per_set_column(obs, codes, names, dose_key, "dose_key")
    if not pd.api.types.is_numeric_dtype(column) or not np.isfinite(column.to_numpy(dtype=float)).all():
        msg = f"`dose_key` must name a column of finite numbers, got {dose_key!r} of type {column.dtype}."
        raise ValueError(msg)
    return column.to_numpy(dtype=float)


def _check_any(keep: np.ndarray, perturbation: np.ndarray, context: np.ndarray, control: str, min_cells: int) -> None:
    if keep.any():
        return
    known = pd.unique(perturbation).tolist()
    if control in known:
        msg = (
            f"`control` must have at least `min_cells={min_cells}` cells in a context with perturbed ones, "
            f"got {control!r}. Contexts: {pd.unique(context)[:5].tolist()}."
        )
    else:
        msg = f"`control` must be the value of unperturbed cells, got {control!r}. Values: {known}."
        msg += did_you_mean(control, known)
    raise ValueError(msg)
