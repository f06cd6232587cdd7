"""Tables on speed: savings with the same results, and cheaper training."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, Value, results

#: What is timed, the results file, and its row.
SAVINGS = {
    "energy distance, 634 donors": ("speed_distances", "energy"),
    "Wasserstein-2 of Gaussian fits, 634 donors": ("speed_distances", "gaussian_wasserstein"),
    "squared MMD, 200 donors": ("speed_distances", "mmd"),
    "Sinkhorn divergence, 30 donors": ("speed_distances", "sinkhorn"),
    "`tl.compare_all_sets`, 300 donors": ("speed_tests", "compare_all_sets"),
    "influence of 16,000 cells on 116 dimensions": (
        "speed_uncertainty",
        "influence, 116 dimensions, most of them moments",
    ),
    "embedding of 300,000 cells in 300 sets: batches of 8,192 cells": ("speed_embedding", "embedding, 300 sets"),
    "embedding of 300,000 cells in 3 sets: the same": ("speed_embedding", "embedding, 3 large sets"),
    "5 steps on LARRY clones": ("speed_step", "5 steps, larry"),
    "5 steps on IgAN donors": ("speed_step", "5 steps, igan"),
    "draw of 64 of a million weighted sets": ("speed_draw", "draw of sets"),
}


def savings() -> Table:
    """Seconds of both ways, how many times faster, and how far results differ."""
    rows: list[tuple[Cell, ...]] = []
    for label, (file, what) in SAVINGS.items():
        columns = {"direct": ".3g", "now": ".3g", "times": ".1f", "difference": ".0e"}
        rows.append((label, *(Value(file, column, {"what": what}, form) for column, form in columns.items())))
    return Table(("what", "direct (CPU s)", "now (CPU s)", "times faster", "relative difference"), rows)


#: Data on which solvers are compared, by column.
SAMPLED = {"IgAN": "igan", "LARRY": "larry", "COVID": "covid", "OneK1K": "onek1k"}


def solver_steps() -> Table:
    """Time and energy distance by the steps of the midpoint rule, two evaluations each."""
    rows: list[tuple[Cell, ...]] = []
    for steps in (2, 4, 8, 16):
        where = {"solver": "midpoint", "evaluations": 2 * steps}
        time = Value(tuple(f"sampling_steps_{data}" for data in SAMPLED.values()), "time", where, ".2f")
        losses = (Value(f"sampling_steps_{data}", "relative", where, "+.1%", spread=True) for data in SAMPLED.values())
        rows.append((f"{steps}", time, *losses))
    return Table(("steps", "time", *SAMPLED), rows, "Median of three splits, and their range.")


#: What is changed in a fit, or its generation, and data on which it was tried.
CHANGES = ("50 cells for the encoder", "bfloat16", "torch.compile", "4 solver steps")
TRIED = {"Gaussians": "gaussians", "IgAN": "igan", "OneK1K": "onek1k", "LARRY": "larry"}


def cheaper() -> Table:
    """Time and loss of quality of each change, by data."""
    rows: list[tuple[Cell, ...]] = []
    for change in CHANGES:
        for label, data in TRIED.items():
            name = f"training_savings_{data}"
            if change in set(results(name)["arm"]):
                values = (Value(name, column, {"arm": change}, form, spread=True) for column, form in _CHANGED.items())
                rows.append((f"{change}, {label}", *values))
    return Table(("change, data", "time", "loss of quality"), rows, "Median of three splits, and their range.")


#: Columns, and their forms.
_CHANGED = {"time": ".2f", "loss": "+.1%"}


def imports() -> Table:
    """First embedding by a stored model in a new process."""
    columns = {"direct": ".1f", "now": ".1f", "ratio": ".2f"}
    row = ("first embedding", *(Value("speed_imports", column, form=form) for column, form in columns.items()))
    return Table(("what", "`import scvi` (CPU s)", "in all (CPU s)", "ratio"), [row])


def peers() -> Table:
    """Rates of training beside scvi-tools."""
    rows: list[tuple[Cell, ...]] = []
    for model in ("scgde, counts", "scVI", "MrVI"):
        values = (Value("peers_scvi_tools", column, {"model": model}, form) for column, form in _PEERS.items())
        rows.append((model, *values))
    return Table(("model", "cells a second", "rate of scgde over it"), rows)


#: Columns, and their forms.
_PEERS = {"cells_per_second": ".0f", "ratio": ".1f"}

TABLES = {
    "peers": peers(),
    "imports": imports(),
    "savings": savings(),
    "solver_steps": solver_steps(),
    "cheaper_training": cheaper(),
}
