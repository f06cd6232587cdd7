from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table

from scgde import _keys
from scgde.cli._console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COLUMNS = 6
MAX_CATEGORIES = 20
MAX_PANELS = 4
TITLE_WIDTH = 22


class Outcome(NamedTuple):
    """What a case came to.

    Parameters
    ----------
    name
        Of the data.
    split
        What the fit used each set for.
    scores
        As :func:`scgde.tl.score_generation` returns them.
    seconds
        Wall time.
    """

    name: str
    split: pd.Series
    scores: pd.DataFrame
    seconds: float


def print_scores(outcomes: Sequence[Outcome]) -> None:
    """Table of the mean scores over held-out sets, and how to read it."""
    table = Table(title="Energy distance to held-out sets (0 is best)", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("data")
    for name in ("held out", "generated", "best baseline", "pooled", "floor", "time"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(outcome.name, *_cells(outcome))
    Console().print(table)
    say("Each held-out set is split at random, and distances are taken to one half. From there to")
    say("  generated      cells generated from the embedding of the other half")
    say("  best baseline  the best of six simple descriptions of the other half: pooled cells moved to its")
    say("                 mean, shrunken mean, or mean and sd, a Gaussian, a linear embedding, the nearest")
    say("                 training set. Where it is lower, it describes these sets better than the fit")
    say("  pooled         random cells of the training sets")
    say("  floor          the other half itself: no score is better but by chance\n")


def _cells(outcome: Outcome) -> list[str]:
    """Texts of the row of a case."""
    means = outcome.scores.drop(columns=["set", _keys.N_CELLS]).mean()
    baselines = means.drop(["generated", "pooled", "floor"])
    values = [f"{means[name]:.3f}" for name in ("generated", "pooled", "floor")]
    values.insert(1, f"{baselines.min():.3f} ({baselines.idxmin()})")
    return [f"{len(outcome.scores)} of {len(outcome.split)}", *values, f"{outcome.seconds:.0f} s"]


def columns_to_draw(table: pd.DataFrame, *, without: Sequence[str]) -> list[str]:
    """Columns of the set table that can colour a map: the group columns first, ``n_cells`` last."""
    others = [
        str(name)
        for name in table
        if name not in {*without, _keys.SPLIT, _keys.N_CELLS} and _tells_sets_apart(table[name])
    ]
    return [*others[: MAX_COLUMNS - 1], _keys.N_CELLS]


def _tells_sets_apart(column: pd.Series) -> bool:
    n_values = column.nunique()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return n_values > 1
    return 1 < n_values <= MAX_CATEGORIES and n_values < len(column)


def spread_over_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Sets to show, from the best to the worst score."""
    ranks = np.linspace(0, len(scores) - 1, min(MAX_PANELS, len(scores))).round().astype(int)
    return scores.sort_values("generated", kind="stable").iloc[ranks]


def wrapped_title(name: str, score: float) -> str:
    """Title of a small panel."""
    return f"{textwrap.fill(name.replace('|', ' | '), TITLE_WIDTH)}\nenergy distance {score:.2f}"
