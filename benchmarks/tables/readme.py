"""The results of README.md: one row per question."""

from __future__ import annotations

from typing import Any

from benchmarks.tables._declare import Cell, Command, Table, Value

ATTRIBUTES = ("composition", "shift", "dispersion", "severity")
REAL = ("bodenmiller2012", "covid")
ALL = ("gaussians", *REAL)


def row(question: str, file: str, ours: Cell, baselines: Cell, best: Cell = "") -> tuple[Cell, ...]:
    """A question, the figures, and the command that wrote the file."""
    return question, ours, baselines, best, Command(file)


def held_out(question: str, data: str) -> tuple[Cell, ...]:
    """Generated cells of held-out sets."""
    file = f"held_out_cells_{data}_pooled_gnn_flow_matching"
    return row(question, file, Value(file, "generated"), ["pooled cells ", Value(file, "pooled")], Value(file, "floor"))


def few_sets(question: str, data: str) -> tuple[Cell, ...]:
    """Generated cells of sets that were held out of tens of sets."""
    file = f"few_sets_{data}"
    baselines: list[str | Value] = []
    for label, column in {
        "own mean and sd ": "mean_sd",
        ", own mean ": "mean",
        ", Gaussian of the same cells ": "gaussian",
        ", nearest donor ": "nearest",
    }.items():
        baselines += [label, Value(file, column)]
    return row(question, file, Value(file, "generated"), baselines, Value(file, "floor"))


def donors(question: str, column: str) -> tuple[Cell, ...]:
    """EGFR of IgAN donors."""

    def score(name: str) -> Value:
        return Value("donor_labels", column, {"representation": name})

    baselines = ["means ", score("means"), ", means and sd ", score("means + sd")]
    return row(question, "donor_labels", score("GDE, frozen"), baselines)


def few_labels() -> tuple[Cell, ...]:
    """A tenth of the IgAN donors is labelled."""

    def scores(method: str) -> list[str | Value]:
        columns = ("balanced_accuracy", "roc_auc")
        first, second = (Value("few_labels_igan", name, {"method": method}) for name in columns)
        return [first, ", ", second]

    baselines = ["labelled donors alone ", *scores("supervised"), "; means ", *scores("means")]
    baselines += ["; frozen embedding ", *scores("probe")]
    question = "eGFR below 60 where 63 of 634 IgAN donors have a label, trained on all cells: balanced accuracy, AUROC"
    return row(question, "few_labels_igan", scores("joint"), baselines)


def geometry(question: str, experiment: str, model: str, form: str) -> tuple[Cell, ...]:
    """Latent distance against W2."""

    def score(name: str) -> Value:
        return Value(experiment, "spearman", {"model": name}, form)

    baselines = ["distance of means ", score("distance of means"), ", tuned kernel mean ", score("kernel mean, tuned")]
    return row(question, experiment, score(model), baselines, "1")


def cohort() -> tuple[Cell, ...]:
    """Attributes of simulated donors."""

    def scores(method: str) -> list[str | Value]:
        values = [Value("cohort_attributes", name, {"method": method}, ".2f") for name in ATTRIBUTES]
        listed = [part for value in values for part in (value, ", ")][:-1]
        return [*listed, "; batch ", Value("cohort_attributes", "batch", {"method": method}, ".2f")]

    question = (
        "Composition, shift, dispersion and severity of 60 simulated donors from three nearest donors, `batch_key`"
    )
    return row(
        question,
        "cohort_attributes",
        scores("GDE, batch_key"),
        ["energy distance ", *scores("energy distance")],
        "1, 1, 1, 1; batch 0",
    )


def larry(question: str, column: str, file: str = "larry_forecast", **options: Any) -> tuple[Cell, ...]:
    """Forecasts of LARRY clones."""

    def score(arm: str) -> Value:
        return Value(file, column, {"arm": arm}, **options)

    baselines = ["source-conditioned ", score("source-conditioned"), ", without orphans ", score("paired only, kernel")]
    return row(question, file, score("with orphans, kernel"), baselines, score("true target"))


def contexts() -> tuple[Cell, ...]:
    """Cell lines that were not seen."""

    def score(arm: str) -> Value:
        return Value("unseen_contexts_norman", "energy", {"arm": arm})

    ours = [score("TDE, kernel"), ", without moments ", score("TDE, without moments, kernel")]
    baselines = ["mean shift ", score("mean shift"), ", identity ", score("identity")]
    question = "Response of a cell line that was not seen in training: energy distance"
    return row(question, "unseen_contexts_norman", ours, baselines)


def out_of_range() -> tuple[Cell, ...]:
    """Forecasts outside of the range of the pairs."""

    def score(arm: str) -> Value:
        return Value("out_of_range", "outside", {"arm": arm})

    baselines = ["source-conditioned ", score("source-conditioned"), ", identity ", score("identity")]
    question = (
        "Forecasts of Gaussian sets outside the range of the pairs, with unpaired sets there: unbiased energy distance"
    )
    return row(question, "out_of_range", score("TDE, kernel"), baselines, score("TDE, true target embedding"))


def optimal_map() -> tuple[Cell, ...]:
    """Single cells against the Brenier map."""
    values = [Value("optimal_map", "brenier", {"transport": f"flow_matching, ot{more}"}) for more in (", gaussian", "")]
    question = "Squared distance of transported cells to the optimal map, relative to random pairs, `gaussian=True`"
    return row(question, "optimal_map", values[0], ["without `gaussian` ", values[1]], "0")


def coverage() -> tuple[Cell, ...]:
    """Confidence regions on two files."""
    columns = ("coverage_300", "coverage_1000", "coverage_3000")
    value = Value(tuple(f"central_limit_{name}" for name in REAL), columns, form=".1%", how="range")
    question = (
        "95 % confidence regions of an embedding that cover the truth, 300 cells or more, six populations of two files"
    )
    return row(question, "central_limit_covid", value, "", "95 %")


def rejections() -> tuple[Cell, ...]:
    """Tests of two draws of one population on two files."""
    where = {"shift": 0.0, "m": [30, 100, 300, 1000], "encoder": "pooled_gnn"}
    files = tuple(f"central_limit_{name}_rejections" for name in REAL)
    value = Value(files, "rejected", where, ".1%", "range")
    question = "False positive rate of `compare_sets` at the 5 % level, the same populations, 30 to 1,000 cells"
    return row(question, "central_limit_bodenmiller2012", value, "", "5 %")


ROWS = [
    held_out("Cells of held-out LARRY clones (228 sets): unbiased energy distance to cells not shown", "larry"),
    held_out("The same for about 100 held-out IgAN donors", "igan"),
    few_sets("The same for 8 COVID donors after a fit on 24", "covid"),
    few_sets("The same for 14 simulated patients who are far apart, after a fit on 42", "cytometry"),
    donors("eGFR stage of 634 IgAN donors from frozen, label-free embeddings: macro AUROC", "macro_auroc"),
    donors("eGFR below 60, the same donors: AUROC", "egfr_below_60"),
    few_labels(),
    geometry(
        "Latent distance against exact W2, Gaussian sets of many locations, `isometry=0.1`: Spearman",
        "gaussian_geometry",
        "isometry",
        ".4f",
    ),
    geometry(
        "The same where sets differ in location and shape alike, the default",
        "balanced_gaussian_geometry",
        "default",
        ".3f",
    ),
    cohort(),
    larry("Forecasts of held-out LARRY clones, two days later: energy distance", "energy"),
    larry("The same: unbiased energy distance", "unbiased_energy"),
    larry(
        "The same where only 60 clones have pairs, two splits: energy distance",
        "energy",
        "larry_forecast_60_paired",
        how="each",
    ),
    contexts(),
    out_of_range(),
    optimal_map(),
    coverage(),
    rejections(),
]
TABLES = {
    "results": Table(("question", "scgde", "baseline", "best possible", "command"), ROWS, has_source=False),
}
