"""Tables on labels and attributes of donors."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, Value, grid

TASKS = {
    "igan": "IgAN, eGFR below 60: 634 donors, 63 labelled",
    "cohort": "simulated, composition: 200 donors, 20 labelled",
    "onek1k": "OneK1K, sex: 40 donors, 6 labelled",
    "covid": "Covid, status: 33 donors, 6 labelled",
}
METHODS = {
    "`probe` (frozen embedding)": "probe",
    "`joint`": "joint",
    "`supervised` (labelled donors alone)": "supervised",
    "baseline: means": "means",
    "baseline: means and standard deviations": "means_sd",
    "baseline: kernel mean": "kernel_mean",
}
ATTRIBUTES = ("composition", "shift", "dispersion", "severity", "batch")


def donor_labels() -> Table:
    """EGFR of IgAN donors from embeddings and moments."""
    rows: dict[str, dict] = {
        "scgde, frozen, label-free": {"representation": "GDE, frozen"},
        "baseline: means": {"representation": "means"},
        "baseline: means and standard deviations": {"representation": "means + sd"},
        "baseline: kernel mean": {"representation": "kernel mean"},
    }
    columns = {
        "eGFR stage, macro AUROC": {"column": "macro_auroc", "spread": True},
        "standard deviation over splits": {"column": "macro_sd"},
        "eGFR below 60, AUROC": {"column": "egfr_below_60", "spread": True},
        "standard deviation over splits (below 60)": {"column": "egfr_sd"},
    }
    return Table(*grid("representation", "donor_labels", rows, columns), "Median and range over three seeds.")


def few_labels() -> Table:
    """Scores of all methods in each task, with the paired gain of ``probe``."""
    rows: list[tuple[Cell, ...]] = []
    for data, task in TASKS.items():
        for label, method in METHODS.items():
            row: list[Cell] = [task if method == "probe" else "", label]
            for score in ("accuracy", "balanced_accuracy", "roc_auc", "f1"):
                value = Value(f"few_labels_{data}", score, {"method": method}, how="single")
                has_gain = score in ("balanced_accuracy", "roc_auc") and method != "probe"
                row.append([value, *gain(data, score, method)] if has_gain else value)
            rows.append(tuple(row))
    header = ("donors", "method", "accuracy", "balanced accuracy", "AUROC", "F1")
    caption = (
        "Means over 20 draws of the labelled donors, for `joint` and `supervised` over the first of them; in brackets "
        "the gain of `probe` in the same draws, with a paired t-test."
    )
    return Table(header, rows, caption)


def gain(data: str, score: str, method: str) -> list[str | Value]:
    """Paired gain of ``probe`` over a method, and its p-value; nothing where it does not vary over draws."""
    where = {"method": method}
    if not len(Value(f"few_labels_{data}", f"p_{score}", where).values()):
        return []
    difference = Value(f"few_labels_{data}", f"probe_gain_{score}", where, "+.3f", "single")
    return [" (", difference, ", ", Value(f"few_labels_{data}", f"p_{score}", where, "p", "single"), ")"]


def cohort() -> Table:
    """Attributes of simulated donors by representation."""
    rows = {
        "baseline: means": "means",
        "baseline: means and standard deviations": "means + sd",
        "the same, z-scored": "means + sd, z-scored",
        "baseline: shares of the true cell types": "composition",
        "baseline: energy distance between cells": "energy distance",
        "scgde": "GDE",
        "scgde, noise-corrected distances": "GDE, noise-corrected",
        "**scgde, `batch_key`**": "GDE, batch_key",
        "scgde, `batch_key`, noise-corrected distances": "GDE, batch_key, noise-corrected",
    }
    columns = {name: {"column": name, "form": ".2f", "spread": True} for name in ATTRIBUTES}
    where = {label: {"method": method, "readout": "neighbors"} for label, method in rows.items()}
    linear = [label for label, method in rows.items() if not method.endswith(("z-scored", "noise-corrected"))]
    where |= {f"{label}, by ridge regression": where[label] | {"readout": "linear"} for label in linear}
    return Table(*grid("representation", "cohort_attributes", where, columns), "Median and range over three cohorts.")


def group_tests() -> Table:
    """False positive rate and power of tests of two groups of donors."""
    tests = {
        "cells, energy": {"permuted": "cells"},
        "donors, energy, means": {"embedding": "means", "statistic": "energy"},
        "donors, energy, means and standard deviations": {"embedding": "means + sd", "statistic": "energy"},
        "donors, energy, scgde": {"embedding": "GDE", "statistic": "energy"},
        "donors, energy, energy distances": {"embedding": "energy distances", "statistic": "energy"},
        "donors, PERMANOVA, means": {"embedding": "means", "statistic": "permanova"},
        "donors, PERMANOVA, scgde": {"embedding": "GDE", "statistic": "permanova"},
    }
    columns = {
        "false positive rate": {"column": "rejected", "form": ".1%"},
        "95 % interval": {"column": ("low", "high"), "form": ".1%", "how": "range"},
        "power": {"column": "power", "form": ".1%"},
    }
    caption = "200 simulations of 6 against 6 donors, level 5 %."
    return Table(*grid("labels permuted over, statistic, representation", "group_tests", tests, columns), caption)


def distances() -> Table:
    """What distances of sets find."""
    rows = {
        'scgde, `metric="embedding"`': "embedding",
        "**scgde, the default**": "noise_corrected",
        "baseline: means": "means",
        "baseline: means, noise subtracted": "means, noise subtracted",
        "baseline: means, in units of the covariance within sets": "means, whitened",
        "baseline: energy distance between cells": "energy distance",
    }
    data = {
        "OneK1K, 40 donors: other half nearest": "donors",
        "IgAN, 216 patients: other half nearest": "patients",
        "Papalexi, guides: Spearman with the energy distance": "guides",
    }
    columns = {label: {"column": "value", "where": {"data": name}, "spread": True} for label, name in data.items()}
    where = {label: {"distance": name} for label, name in rows.items()}
    header, body = grid("distance", "set_distances", where, columns)
    # Guides are compared with the energy distance: that is no rival.
    body = [(*row[:-1], "") if "energy distance" in str(row[0]) else row for row in body]
    return Table(header, body, "Median and range over three seeds.")


TABLES = {
    "set_distances": distances(),
    "donor_labels": donor_labels(),
    "few_labels": few_labels(),
    "cohort_attributes": cohort(),
    "group_tests": group_tests(),
}
