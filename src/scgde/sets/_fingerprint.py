"""What tells other cells from those that were embedded: some cells of every set, and numbers computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: Entries of a fingerprint: names of the sets, of some cells of each, and projections of these cells by view.
NAMES, CELLS, ENCODER, TARGET = "names", "cells", "encoder", "target"
#: Cells of each set that are looked at, and numbers that are computed from each.
N_ROWS, N_NUMBERS = 4, 4
_VALUES_PER_READ = 2**22
#: Differences up to this share of the spread of the numbers, or of the numbers themselves, are rounding.
_OF_SPREAD, _OF_SIZE = 1e-3, 1e-5


def spread_rows(codes: np.ndarray, n_sets: int) -> np.ndarray:
    """Rows of each set at even positions, the first and the last among them, shape ``(n_sets, N_ROWS)``.

    Parameters
    ----------
    codes
        Set of each cell, -1 for none, shape ``(n_obs,)``. Each set must have a cell; small ones repeat some.
    n_sets
        Number of sets.
    """
    cells = np.flatnonzero(codes >= 0)
    in_order = cells[np.argsort(codes[cells], kind="stable")]
    sizes = np.bincount(codes[cells], minlength=n_sets)
    positions = np.linspace(0, 1, N_ROWS) * (sizes[:, None] - 1)
    return in_order[(np.cumsum(sizes) - sizes)[:, None] + positions.round().astype(np.int64)]


def known_rows(known: Mapping[str, Any], codes: np.ndarray, obs_names: pd.Index) -> np.ndarray:
    """Rows of the cells of a fingerprint ``(S, N_ROWS)``: by name or, where names have changed, by their order."""
    names, by_order = np.asarray(known[CELLS]), spread_rows(codes, len(known[NAMES]))
    if not obs_names.is_unique:
        return by_order
    rows = pd.Index(obs_names.astype(str)).get_indexer(names.ravel().tolist()).reshape(names.shape)
    return rows if (rows >= 0).all() else by_order


def project(read: Callable[[np.ndarray], np.ndarray], n_values: int, rows: np.ndarray) -> np.ndarray:
    """Random projections of some cells, shape ``(*rows.shape, N_NUMBERS)``.

    They change with the features, their order and their basis, and not with the order of the cells.

    Parameters
    ----------
    read
        From rows ``(n,)`` to cells ``(n, ...)``.
    n_values
        Values of a cell.
    rows
        Of the cells.
    """
    directions = np.random.default_rng(0).standard_normal((n_values, N_NUMBERS)) / np.sqrt(n_values)
    parts = [read(block).reshape(len(block), -1) @ directions for block in row_blocks(rows.ravel(), n_values)]
    return np.concatenate([np.empty((0, N_NUMBERS)), *parts]).astype(np.float32).reshape(*rows.shape, N_NUMBERS)


def row_blocks(rows: np.ndarray, n_values: int) -> Iterator[np.ndarray]:
    """Parts of some rows that are read at once."""
    n_rows = max(1, _VALUES_PER_READ // max(n_values, 1))
    for start in range(0, len(rows), n_rows):
        yield rows[start : start + n_rows]


def check_projections(expected: np.ndarray, found: np.ndarray, names: pd.Index, label: str, key: str) -> None:
    """Require the same projections ``(S, N_ROWS, N_NUMBERS)`` up to rounding.

    Raises
    ------
    ValueError
        If features differ; the message says of which entry, ``label``, and of which sets.
    """
    expected, found = np.asarray(expected, dtype=float), np.asarray(found, dtype=float)
    tolerance = _OF_SPREAD * expected.std(axis=(0, 1)) + _OF_SIZE * np.sqrt(np.square(expected).mean(axis=(0, 1)))
    differ = ~(np.abs(found - expected) <= tolerance).all(axis=(1, 2))
    if differ.any():
        msg = (
            f"The features in {label} must be those that the sets under {key!r} were embedded with, but cells of "
            f"{int(differ.sum())} of {len(names)} sets differ: {names[differ][:5].tolist()}. Put the features back, "
            "embed them with `scgde.tl.embed(adata, adata)` if their axes are the same, or fit again."
        )
        raise ValueError(msg)
