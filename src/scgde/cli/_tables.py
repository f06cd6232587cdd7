from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Hashable

#: Columns of text where there is no terminal.
FILE_WIDTH = 120


def print_table(frame: pd.DataFrame, title: str) -> None:
    """Print a table with its index, numbers in few digits."""
    frame = frame.reset_index()
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    for name, column in frame.items():
        table.add_column(str(name), justify="right" if pd.api.types.is_numeric_dtype(column) else "left")
    for row in rows_of_text(frame):
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(table)


def rows_of_text(frame: pd.DataFrame) -> list[list[str]]:
    """Cells of a table as they are read."""
    return [[_text(value) for value in row] for row in frame.itertuples(index=False)]


def _text(value: Hashable | Any) -> str:
    if not isinstance(value, float):
        return str(value)
    if pd.isna(value):
        return ""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1_000_000 else f"{value:.3g}"
