"""Fingerprints of cells in sets, see :mod:`scgde.sets._fingerprint`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scgde.sets._fingerprint import (
    CELLS,
    ENCODER,
    NAMES,
    TARGET,
    check_projections,
    known_rows,
    project,
    row_blocks,
    spread_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from scgde.data._cell_sets import CellSets, CellView


def fingerprint(cells: CellSets, obs_names: pd.Index) -> dict[str, np.ndarray]:
    """Names of the sets ``(S,)``, of some cells of each ``(S, N_ROWS)``, and projections of these cells by view."""
    rows = _rows(cells)
    found = {
        NAMES: np.array(cells.names.astype(str), dtype=object),
        CELLS: np.array(obs_names[rows.ravel()].astype(str), dtype=object).reshape(rows.shape),
    }
    return found | {name: _projected(view, rows) for name, view in _views(cells).items()}


def check_fingerprint(known: Mapping[str, Any] | None, cells: CellSets, obs_names: pd.Index, key: str) -> None:
    """Require the features that the sets were embedded with; of earlier versions, which kept none, nothing is known.

    Raises
    ------
    ValueError
        If features differ; the message says of which entry and of how many sets.
    """
    if known is None:
        return
    rows = known_rows(known, cells.index.codes(len(obs_names)), obs_names)
    for name, view in _views(cells).items():
        if name in known:
            check_projections(known[name], _projected(view, rows), cells.names, view.representation.label, key)


def rows_as_bytes(cells: CellSets) -> Iterator[bytes]:
    """The cells of a fingerprint in each view, block by block."""
    for view in _views(cells).values():
        for block in row_blocks(_rows(cells).ravel(), math.prod(view.store.shape)):
            yield np.ascontiguousarray(view.store.rows(block)).tobytes()


def _rows(cells: CellSets) -> np.ndarray:
    return spread_rows(cells.index.codes(int(cells.index.cells.max(initial=-1)) + 1), cells.index.n_sets)


def _views(cells: CellSets) -> dict[str, CellView]:
    return {ENCODER: cells.encoder} | ({} if cells.target is cells.encoder else {TARGET: cells.target})


def _projected(view: CellView, rows: np.ndarray) -> np.ndarray:
    return project(view.store.rows, math.prod(view.store.shape), rows)
