"""The results of README.md: one row per question, one figure per cell, and the strongest of the simple baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.tables._declare import Cell, Command, Table, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Simple descriptions of a set, by column of the scores.
DESCRIPTIONS = {
    "mean": "own mean",
    "mean_sd": "own mean and sd",
    "shrunken_mean": "shrunken mean",
    "gaussian": "Gaussian",
    "linear": "linear embedding",
    "nearest": "nearest training set",
}
REAL = ("bodenmiller2012", "covid")


def row(question: str, file: str, ours: Cell, baseline: Cell, best: Cell = "") -> tuple[Cell, ...]:
    """A question, the figures, and the command that wrote the file."""
    return question, ours, baseline, best, Command(file)


def strongest(values: Mapping[str, Value], sign: int = 1) -> Cell:
    """The baseline with the lowest median, or with ``sign=-1`` the highest, and what it is."""
    name = min(values, key=lambda label: sign * np.median(values[label].values()))
    return [values[name], f" {name}"]


def generated(question: str, file: str) -> tuple[Cell, ...]:
    """Generated cells of held-out sets."""
    baselines = {label: Value(file, column) for column, label in DESCRIPTIONS.items()}
    return row(question, file, Value(file, "generated"), strongest(baselines), Value(file, "floor"))


def few_labels() -> tuple[Cell, ...]:
    """A tenth of the IgAN donors is labelled."""

    def score(method: str) -> Value:
        return Value("few_labels_igan", "roc_auc", {"method": method})

    baselines = {"means": score("means"), "means and sd": score("means_sd"), "kernel mean": score("kernel_mean")}
    question = "Kidney function (eGFR below 60) of 634 IgAN donors, of whom 63 have a label: AUROC"
    return row(question, "few_labels_igan", score("probe"), strongest(baselines, -1))


def geometry() -> tuple[Cell, ...]:
    """Latent distance against W2."""

    def score(model: str) -> Value:
        return Value("balanced_gaussian_geometry", "spearman", {"model": model})

    baselines = {"kernel mean, tuned": score("kernel mean, tuned"), "distance of means": score("distance of means")}
    question = "Latent distance and Wasserstein-2, Gaussian sets that differ in location and shape: Spearman"
    return row(question, "balanced_gaussian_geometry", score("default"), strongest(baselines, -1), "1")


def larry(question: str, column: str, **options: Any) -> tuple[Cell, ...]:
    """Forecasts of LARRY clones."""

    def score(arm: str) -> Value:
        return Value("larry_forecast_default", column, {"arm": arm}, **options)

    names = {"source-conditioned transport": "source-conditioned", "look-up of target cells": "kernel look-up"}
    baselines = {label: score(arm) for label, arm in names.items()}
    return row(question, "larry_forecast_default", score("mixture"), strongest(baselines), score("true target"))


def contexts() -> tuple[Cell, ...]:
    """Cell lines that were not seen."""

    def score(arm: str) -> Value:
        return Value("unseen_contexts_norman_default", "energy", {"arm": arm})

    question = "Response of a cell line that was not seen in training: energy distance"
    baselines = {"mean shift": score("mean shift"), "identity": score("identity")}
    return row(question, "unseen_contexts_norman_default", score("mixture"), strongest(baselines))


def out_of_range() -> tuple[Cell, ...]:
    """Forecasts outside of the range of the pairs."""

    def score(arm: str) -> Value:
        return Value("out_of_range", "outside", {"arm": arm})

    baselines = {"source-conditioned transport": score("source-conditioned"), "identity": score("identity")}
    question = "Forecasts of Gaussian sets beyond the range of all pairs, where orphans are: energy distance"
    best = score("TDE, true target embedding")
    return row(question, "out_of_range", score("TDE, kernel"), strongest(baselines), best)


def coverage() -> tuple[Cell, ...]:
    """Confidence regions on two files."""
    columns = ("coverage_300", "coverage_1000", "coverage_3000")
    value = Value(tuple(f"central_limit_{name}" for name in REAL), columns, form=".1%", how="range")
    question = "95 % confidence regions of embeddings that cover the truth, six populations, 300 cells or more"
    return row(question, "central_limit_covid", value, "", "95 %")


def rejections() -> tuple[Cell, ...]:
    """Tests of two draws of one population on two files."""
    where = {"shift": 0.0, "m": [30, 100, 300, 1000], "encoder": "pooled_gnn"}
    files = tuple(f"central_limit_{name}_rejections" for name in REAL)
    value = Value(files, "rejected", where, ".1%", "range")
    question = "False positive rate of `compare_sets` at the 5 % level, the same populations, 30 to 1,000 cells"
    return row(question, "central_limit_bodenmiller2012", value, "", "5 %")


def rates() -> tuple[Cell, ...]:
    """Cells a second of training."""

    def score(model: str) -> Value:
        return Value("peers_scvi_tools", "cells_per_second", {"model": model}, ",.0f")

    baselines = {"scVI": score("scVI"), "MrVI": score("MrVI")}
    question = "Cells a second in training on counts, one CPU thread"
    return row(question, "peers_scvi_tools", score("scgde, counts"), strongest(baselines, -1))


ROWS = [
    generated("New cells of 8 COVID donors, after a fit on 24: energy distance to cells not shown", "few_sets_covid"),
    generated("The same of 10 OneK1K donors, after a fit on 30", "few_sets_onek1k"),
    generated(
        "The same of 100 IgAN donors, after a fit on 500",
        "held_out_cells_igan_pooled_gnn_flow_matching",
    ),
    generated(
        "The same of 228 LARRY clones, after a fit on 900",
        "held_out_cells_larry_pooled_gnn_flow_matching",
    ),
    few_labels(),
    geometry(),
    larry("Cells of held-out LARRY clones two days later: energy distance", "energy"),
    contexts(),
    out_of_range(),
    coverage(),
    rejections(),
    rates(),
]
HEADER = ("question", "scgde", "strongest simple baseline", "best possible", "command")
TABLES = {"results": Table(HEADER, ROWS, has_source=False)}
