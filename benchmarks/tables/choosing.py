"""Tables on the choice of options."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, Value

DATA = ("clones of LARRY on a day", "simulated clones on a day", "IgAN donors")
MIN_CELLS = (2, 3, 5, 10)


def kept() -> Table:
    """Share of the sets, and of their cells, that are left."""
    rows: list[tuple[Cell, ...]] = []
    for data in DATA:
        shares = [
            Value("small_sets_kept", f"kept_{what}", {"data": data, "min_cells": min_cells}, ".0%")
            for min_cells in MIN_CELLS
            for what in ("sets", "cells")
        ]
        rows.append((data, *shares))
    header = [f"{what}, `min_cells={min_cells}`" for min_cells in MIN_CELLS for what in ("sets", "cells")]
    return Table(("", *header), rows)


TABLES = {"small_sets_kept": kept()}
