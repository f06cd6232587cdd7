"""What a table consists of: text, figures of results files, and commands; and how they become Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

RESULTS = Path(__file__).parents[1] / "results"


@cache
def results(name: str) -> pd.DataFrame:
    """Table of a results file."""
    return pd.read_csv(RESULTS / f"{name}.csv")


@cache
def provenance(name: str) -> dict[str, Any]:
    """How a results file came about."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def command(record: Mapping[str, Any]) -> str:
    """How to get a results file: one command, also where runs on other seeds were joined."""
    runs = [record["command"], *(run["command"] for run in record.get("joined", []))]
    without_seeds = {re.sub(r" --(name|seeds) \S+", "", run) for run in runs}
    if len(runs) == 1 or len(without_seeds) > 1:
        return re.sub(r" --name \S+", "", record["command"])
    first, last = min(record["seeds"]), max(record["seeds"]) + 1
    return f"{without_seeds.pop()} --seeds {f'{first}:' if first else ''}{last}"


@dataclass(frozen=True)
class Value:
    """A figure: one column of results files, of the rows that match, aggregated over them (they differ by seed).

    Parameters
    ----------
    files
        Names in ``benchmarks/results``.
    column
        One column, or several that are pooled.
    where
        Required value, or values, of other columns.
    form
        Format of a number; ``"p"`` for a p-value.
    how
        ``"median"``, ``"max"``, ``"range"``, ``"each"`` (every value), or ``"single"`` (there must be one).
    spread
        Whether the range follows in brackets.
    """

    files: str | tuple[str, ...]
    column: str | tuple[str, ...]
    where: Mapping[str, Any] = field(default_factory=dict)
    form: str = ".3f"
    how: str = "median"
    spread: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.files,) if isinstance(self.files, str) else self.files

    def values(self) -> np.ndarray:
        """All that are aggregated; empty where the file has none."""
        table = pd.concat([results(name) for name in self.names], ignore_index=True)
        for column, wanted in self.where.items():
            table = table[table[column].isin(wanted if isinstance(wanted, list) else [wanted])]
        if table.empty:
            msg = f"A table needs rows where {dict(self.where)} in {self.names}, got none. Correct its declaration."
            raise ValueError(msg)
        columns = [self.column] if isinstance(self.column, str) else list(self.column)
        values = table[columns].to_numpy(dtype=float).ravel()
        return values[~np.isnan(values)]

    def __str__(self) -> str:
        values = self.values()
        if not len(values):
            return ""
        if self.how == "single" and len(values) > 1:
            msg = f"A single value is required of {self.names} where {dict(self.where)}, got {len(values)}."
            raise ValueError(msg)
        text = {
            "median": lambda: self._text(np.median(values)),
            "single": lambda: self._text(values[0]),
            "max": lambda: self._text(values.max()),
            "range": lambda: self._range(values),
            "each": lambda: ", ".join(map(self._text, values)),
        }[self.how]()
        return f"{text} ({self._range(values)})" if self.spread and len(values) > 1 else text

    def _text(self, value: float) -> str:
        if self.form == "p":
            return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"
        text = format(value, self.form)
        # No minus sign before a zero.
        text = text if float(text.rstrip("%").replace(",", "")) else text.removeprefix("-")
        return text.replace("%", " %")

    def _range(self, values: np.ndarray) -> str:
        low, high = self._text(values.min()), self._text(values.max())
        signed = values.min() < 0 or self.form.startswith("+")
        return f"{low.removesuffix(' %')}{' to ' if signed else '-'}{high}"


@dataclass(frozen=True)
class Command:
    """The command that wrote a results file."""

    file: str

    def __str__(self) -> str:
        return f"`{command(provenance(self.file)).removeprefix('python benchmarks/')}`"


Cell = str | Value | Command | Sequence[str | Value]


class Table(NamedTuple):
    """A table of a page.

    Parameters
    ----------
    header
        Of the columns.
    rows
        Cells are text, figures, or sequences of both.
    caption
        What the figures are; the source of the results is added.
    has_source
        Whether it is.
    command
        In place of those of the files, where there are many.
    """

    header: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    caption: str = ""
    has_source: bool = True
    command: str | None = None

    def __str__(self) -> str:
        lines = [self.header, ("---",) * len(self.header), *(tuple(map(text, row)) for row in self.rows)]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        below = f"{self.caption} {self.source()}".strip() if self.has_source else self.caption
        return f"{table}\n\n{below}".strip()

    def source(self) -> str:
        """Commands, commits, dates and devices of all figures."""
        records = [provenance(name) for name in dict.fromkeys(self.names())]
        commands = dict.fromkeys([self.command] if self.command else map(command, records))
        commits = dict.fromkeys(f"{record['commit']} ({record['date'][:10]})" for record in records)
        devices = dict.fromkeys(record["device"] for record in records)
        return (
            f"Source: {'; '.join(f'`{one}`' for one in commands)}. Commit {', '.join(commits)}; {', '.join(devices)}."
        )

    def names(self) -> list[str]:
        """Results files of all figures."""
        return [
            name
            for row in self.rows
            for cell in row
            for part in parts(cell)
            if isinstance(part, Value)
            for name in part.names
        ]


def parts(cell: Cell) -> Sequence[str | Value | Command]:
    """What a cell is made of."""
    return [cell] if isinstance(cell, str | Value | Command) else cell


def text(cell: Cell) -> str:
    """A cell in Markdown."""
    return "".join(map(str, parts(cell)))


def grid(
    corner: str,
    files: str | tuple[str, ...],
    rows: Mapping[str, Mapping[str, Any]],
    columns: Mapping[str, dict[str, Any]],
) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Header and rows where each row selects by its label and each column is a `Value` of the same kind.

    A column may have ``files`` and ``where`` of its own.
    """
    body: list[tuple[Cell, ...]] = [
        (
            label,
            *(
                Value(**{"files": files} | column | {"where": {**where, **column.get("where", {})}})
                for column in columns.values()
            ),
        )
        for label, where in rows.items()
    ]
    return (corner, *columns), body


def without(rows: list[tuple[Cell, ...]], label: str, columns: tuple[int, ...]) -> list[tuple[Cell, ...]]:
    """Rows, with some columns of one row left empty: the difference of a reference to itself is no result."""
    return [tuple("" if row[0] == label and i in columns else cell for i, cell in enumerate(row)) for row in rows]
