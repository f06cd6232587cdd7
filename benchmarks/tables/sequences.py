"""Tables on cells that are sequences."""

from __future__ import annotations

from benchmarks.tables._declare import RESULTS, Table, Value, grid, provenance, results

WORDS = {f"baseline: {k}-mer means": f"{k}-mers" for k in range(2, 7)}


def caption(name: str, figures: str) -> str:
    """What the figures are, and over how many seeds."""
    n_seeds = len(provenance(name)["seeds"])
    return f"{figures}; one seed." if n_seeds == 1 else f"{figures}; median and range over {n_seeds} seeds."


def methods(labels: dict[str, str]) -> dict[str, dict]:
    """Selections of the rows of methods."""
    return {label: {"method": name} for label, name in labels.items()}


#: Results of fits by `generator="masked_flow"`.
MASKED_FLOW = "_masked_flow"
#: Fits of both simulations, and of one of them.
GEOMETRY = {
    "**scgde, the default**": "default",
    "scgde, `isometry=0.1`": "isometry",
    "scgde, `moments=True`": "moments",
    "scgde, `moments=True`, `isometry=0.1`": "moments and isometry",
}
GAUSSIAN = {
    "sequence_geometry": {'**scgde, `isometry=0.1`, `isometry_ground="gaussian"`**': "isometry, gaussian"},
    "sequence_geometry_hard": {
        '**scgde, `moments=True`, `isometry=0.1`, `isometry_ground="gaussian"`**': "moments and isometry, gaussian"
    },
}


def geometry(name: str) -> Table:
    """Distances between embeddings of multinomials over patterns."""
    columns = {f"{n:,} sequences": {"column": "pearson", "where": {"cells": n}, "spread": True} for n in (100, 2000)}
    if name == "sequence_geometry":
        columns["exact patterns"] = {"column": "exact", "form": ".1%"}
        columns["error of shares"] = {"column": "share_error"}
    rows = methods(GEOMETRY | GAUSSIAN[name] | WORDS | {"best possible: the shares drawn": "ceiling"})
    header, body = grid("method", name, rows, columns)
    if (RESULTS / f"{name}{MASKED_FLOW}.csv").exists():
        row = methods({'scgde, `generator="masked_flow"`': "masked flow"})
        body[len(GEOMETRY) + 1 : len(GEOMETRY) + 1] = grid("method", name + MASKED_FLOW, row, columns)[1]
    return Table(header, body, caption(name, "Pearson correlation with Wasserstein-2"))


def sequence_transport() -> Table:
    """Sequences that were moved to another set."""
    labels = {
        '**scgde, `transport="masked_flow"`**': "masked flow",
        "baseline: unchanged source": "unchanged source",
        "baseline: generated for the target": "generated",
        "best possible: real sequences of the target": "real",
        "best possible: patterns kept by optimal transport": "optimal transport",
    }
    columns = {
        "variation to the target": {"column": "variation", "spread": True},
        "exact patterns": {"column": "exact", "form": ".1%"},
        "pattern kept": {"column": "kept", "form": ".1%"},
    }
    figures = "Total variation of patterns, means over 12 pairs of unseen sets of 500 sequences"
    return Table(
        *grid("method", "sequence_transport", methods(labels), columns), caption("sequence_transport", figures)
    )


def repertoires() -> Table:
    """Donors of receptors that were not seen, and receptors generated for them."""
    columns: dict[str, dict] = {
        f"donor of {n:,}": {"column": f"donor_{n}", "form": ".2f", "spread": True} for n in (100, 300, 1000)
    }
    for spectrum in ("length", "V", "2-mers"):
        columns[f"variation: {spectrum}"] = {"column": f"tv_{spectrum}"}
    columns["nats: own donor"] = {"column": "own", "form": ".4f"}
    columns["nats: another donor"] = {"column": "other", "form": ".4f"}
    labels = {
        "**scgde**": "scgde",
        "baseline: V genes": "V",
        "baseline: lengths": "length",
        "baseline: 2-mers": "2-mers",
        "baseline: 3-mers": "3-mers",
        "baseline: receptors of all donors": "all donors",
        "baseline: an unconditional model": "told nothing",
        "best possible: own half": "own half",
    }
    figures = "Share of draws whose donor is found; total variation to unseen receptors; nats per token of these"
    return Table(*grid("method", "repertoires", methods(labels), columns), caption("repertoires", figures))


def listening() -> Table:
    """Paths from the embedding to the generator, left out in turn."""
    rows = {
        "**the default**": "default",
        "with a path to the first state": "with first state",
        "without the path to the logits": "without direct",
        "without mean counts of words in the embedding": "without moments",
        "without both": "without direct, without moments",
        "half the learning rate": "smaller learning rate",
    }
    columns = {
        "nats per token": {"column": "own", "form": ".4f", "spread": True},
        "better than of another donor by": {"column": "gain_over_other", "form": ".4f", "spread": True},
        "better than of the mean by": {"column": "gain_over_mean", "form": ".4f", "spread": True},
    }
    header, body = grid("paths", "listening", {label: {"arm": arm} for label, arm in rows.items()}, columns)
    return Table(
        header, body, caption("listening", "Receptors that were not fitted, given the embedding of their donor")
    )


def promoters() -> Table:
    """Expression of unseen sets of promoters."""
    columns: dict[str, dict] = {
        "error, inside": {"column": "error_inside", "spread": True},
        "error, above": {"column": "error_above", "spread": True},
        "4-mers of the top": {"column": "tv_top"},
    }
    labels = {
        "**scgde**": "scgde",
        "baseline: ridge on 3-mer means": "3-mers",
        "baseline: ridge on 4-mer means": "4-mers",
        "baseline: promoters of the highest training window": "best window",
        "baseline: all promoters": "all promoters",
        "best possible: real promoters of the top": "real",
    }
    figures = "Mean absolute error of the rank of expression; total variation to the two highest quantiles"
    return Table(*grid("method", "promoters", methods(labels), columns), caption("promoters", figures))


def generated_promoters() -> Table:
    """Likelihood of unseen promoters, and expression of generated ones."""
    figures = {
        "nats per base: own window": ("nats_own", ".4f"),
        "mirrored window": ("nats_mirrored", ".4f"),
        "mean embedding": ("nats_mean", ".4f"),
        "an unconditional model": ("nats_unconditional", ".4f"),
        "generated: expression at target 0.1": ("oracle_0.1", ".2f"),
        "at 0.5": ("oracle_0.5", ".2f"),
        "at 0.85": ("oracle_0.85", ".2f"),
        "at 0.95, beyond the training windows": ("oracle_0.95", ".2f"),
        "at 1.2": ("oracle_1.2", ".2f"),
        "slope over 0.1 to 0.85": ("slope", ".2f"),
        "rank correlation with the target": ("spearman", ".2f"),
        "4-mers of those at 0.95, variation to real ones of the top": ("tv_top", ".3f"),
        "correlation of the judge with measurements": ("oracle_r", ".2f"),
    }
    guided = {"`guidance=0.5`": "promoters_guided", "`guidance=1`": "promoters_guided_more"}
    runs = {"scgde": "promoters", **guided, '`generator="masked_flow"`': "promoters" + MASKED_FLOW}
    files = tuple(runs.values())
    rows = [
        # A run without a figure, such as an exact likelihood, has an empty cell.
        (label, *(Value(file, column, {"method": "scgde"}, form) if column in results(file) else "" for file in files))
        for label, (column, form) in figures.items()
    ]
    return Table(("figure", *runs), rows, caption("promoters", "Generated promoters"))


def viral_years() -> Table:
    """Years of sets of viral proteins."""
    columns = {
        "error, years": {"column": "year_error", "form": ".2f", "spread": True},
        "nats per protein: own set": {"column": "own", "form": ".1f"},
        "another set": {"column": "other", "form": ".1f"},
        "mean embedding": {"column": "mean", "form": ".1f"},
        "right subtype": {"column": "right_subtype", "form": ".3f"},
    }
    words = {f"baseline: ridge on {k}-mer means": f"{k}-mers" for k in (1, 2, 3)}
    labels = {"**scgde**": "scgde", **words, "baseline: mean year": "mean year"}
    return Table(
        *grid("method", "viral_years", methods(labels), columns), caption("viral_years", "Means over held-out sets")
    )


def viral_forecast() -> Table:
    """Likelihood of the proteins of the next year."""
    labels = {
        "scgde, ridge regression": "ridge",
        "scgde, half of that move": "ridge, half way",
        "baseline: embedding of this year": "this year",
        "baseline: this year, and the mean step": "mean step",
        "baseline: mean embedding": "mean",
        "best possible: embedding of next year": "other half",
    }
    columns = {
        "nats per protein": {"column": "nats", "form": ".2f", "spread": True},
        "p, against this year": {"column": "p_this_year", "form": ".2g"},
    }
    return Table(
        *grid("method", "viral_forecast", methods(labels), columns),
        caption("viral_forecast", "Proteins of the next year, 19 pairs of sets, paired t-test"),
    )


_ALL = {
    "sequence_geometry": ("sequence_geometry", lambda: geometry("sequence_geometry")),
    "sequence_geometry_hard": ("sequence_geometry_hard", lambda: geometry("sequence_geometry_hard")),
    "repertoires": ("repertoires", repertoires),
    "listening": ("listening", listening),
    "promoters": ("promoters", promoters),
    "generated_promoters": ("promoters", generated_promoters),
    "sequence_transport": ("sequence_transport", sequence_transport),
    "viral_years": ("viral_years", viral_years),
    "viral_forecast": ("viral_forecast", viral_forecast),
}
TABLES = {name: table() for name, (file, table) in _ALL.items() if (RESULTS / f"{file}.csv").exists()}
