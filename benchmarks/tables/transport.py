"""Tables on transport and forecasts."""

from __future__ import annotations

from benchmarks.tables._declare import Table, grid, without

LARRY, SIXTY = "larry_forecast", "larry_forecast_60_paired"
SEEDS = "Median and range over three seeds."
ENERGY = {"energy distance": {"column": "energy", "spread": True}}
UNBIASED = {"unbiased energy distance": {"column": "unbiased_energy", "spread": True}}
FORECASTS = {
    "baseline: identity": "identity",
    "baseline: pooled targets": "pooled targets",
    "baseline: target of the nearest clone": "nearest clone",
    "baseline: source-conditioned transport": "source-conditioned",
    "predictor `kernel`, fitted without orphans": "paired only, kernel",
    "**predictor `kernel`, the default**": "with orphans, kernel",
    "`neighbors`": "with orphans, neighbors",
    "`flow`": "with orphans, flow",
    "`mlp`": "with orphans, mlp",
    "`ridge`": "with orphans, ridge",
    "best predictor: true target embedding": "true target",
    "floor: split half of the target": "split half",
}


def arms(labels: dict[str, str]) -> dict[str, dict]:
    """Selections of the rows of arms."""
    return {label: {"arm": arm} for label, arm in labels.items()}


def larry() -> Table:
    """Forecasts of held-out clones, all pairs."""
    difference = {"minus source-conditioned": {"column": "energy_difference", "form": "+.3f", "spread": True}}
    unbiased = {
        "minus source-conditioned (unbiased)": {"column": "unbiased_energy_difference", "form": "+.3f", "spread": True}
    }
    columns = ENERGY | difference | UNBIASED | unbiased
    caption = "Mean over held-out pairs; median and range over five splits."
    header, rows = grid("forecast", LARRY, arms(FORECASTS), columns)
    return Table(header, without(rows, "baseline: source-conditioned transport", (2, 4)), caption)


MIXTURES = {
    "baseline: identity": "identity",
    "baseline: mean shift": "mean shift",
    "baseline: shift and scale": "shift and scale",
    "baseline: kernel look-up": "kernel look-up",
    "baseline: source-conditioned transport": "source-conditioned",
    "part: look-up by the embedding": "embedding look-up",
    "part: transport without target": "transport without target",
    "part: transport to predicted targets": "with orphans, kernel",
    "**forecast, the mixture**": "mixture",
    "best predictor: true target embedding": "true target",
    "floor: split half of the target": "split half",
}


def larry_mixture() -> Table:
    """Forecasts of held-out clones as they are by default, on splits that chose nothing."""
    header, rows = grid("forecast", "larry_forecast_default", arms(MIXTURES), ENERGY | UNBIASED)
    return Table(header, rows, "Mean over held-out pairs; median and range over three splits.")


def contexts_mixture() -> Table:
    """Populations and cell lines that were not seen, forecasts as they are by default."""
    parts = ("source-conditioned", "transport without target")
    labels = {label: name for label, name in MIXTURES.items() if name not in parts}
    labels["part: transport to predicted targets"] = "TDE, kernel"
    columns = {}
    for label, data in {"populations": "bodenmiller", "cell lines": "norman"}.items():
        file = {"files": f"unseen_contexts_{data}_default"}
        columns[f"{label}: energy distance"] = file | {"column": "energy", "spread": True}
        columns[f"{label}: unbiased energy distance"] = file | {"column": "unbiased_energy", "spread": True}
    return Table(*grid("forecast", "unseen_contexts_norman_default", arms(labels), columns), SEEDS)


def sixty() -> Table:
    """Forecasts where few clones have pairs."""
    names = (
        "baseline: source-conditioned transport",
        "predictor `kernel`, fitted without orphans",
        "**predictor `kernel`, the default**",
    )
    labels = {name: FORECASTS[name] for name in (*names, "best predictor: true target embedding")}
    columns = {
        "energy distance": {"column": "energy", "how": "each"},
        "unbiased energy distance": {"column": "unbiased_energy", "how": "each"},
    }
    return Table(*grid("forecast", SIXTY, arms(labels), columns), "Two splits.")


def orphans() -> Table:
    """Simulated clones, with and without orphans."""
    labels = {name: FORECASTS[name] for name in list(FORECASTS)[:4]}
    for predictor in ("kernel", "flow", "ridge", "neighbors"):
        labels |= {f"`{predictor}`, {fit}": f"{fit}, {predictor}" for fit in ("with orphans", "paired only")}
    for fit in ("with orphans", "paired only"):
        labels[f"best predictor: true target embedding, {fit}"] = f"{fit}, true target embedding"
    gain = {"minus paired only": {"column": "minus_paired_only", "form": "+.3f", "spread": True}}
    header, rows = grid("forecast", "orphan_clones", arms(labels), ENERGY | UNBIASED | gain)
    # The difference of a fit to itself is no result.
    rows = [row if ", with orphans" in str(row[0]) else (*row[:-1], "") for row in rows]
    return Table(header, rows, SEEDS)


def contexts() -> Table:
    """Populations and cell lines that were not seen."""
    labels = {
        "baseline: identity": "identity",
        "baseline: pooled targets": "pooled targets",
        "baseline: mean shift": "mean shift",
        "baseline: shift and scale": "shift and scale",
        "baseline: nearest targets": "nearest targets",
        "baseline: kernel look-up": "kernel look-up",
        "baseline: source-conditioned transport": "source-conditioned",
        "**predictor `kernel`, the default**": "TDE, kernel",
        "`ridge`": "TDE, ridge",
        "`kernel`, without moments": "TDE, without moments, kernel",
        "`ridge`, without moments": "TDE, without moments, ridge",
        "best predictor: true target embedding": "true target",
        "the same, without moments": "true target, without moments",
        "floor: split half of the target": "split half",
    }
    columns = {}
    for label, data in {"populations": "bodenmiller", "cell lines": "norman"}.items():
        file = {"files": f"unseen_contexts_{data}"}
        columns[f"{label}: energy distance"] = file | {"column": "energy", "spread": True}
        columns[f"{label}: minus mean shift"] = file | {"column": "energy_difference", "form": "+.3f", "spread": True}
        columns[f"{label}: unbiased energy distance"] = file | {"column": "unbiased_energy", "spread": True}
    header, rows = grid("forecast", "unseen_contexts_norman", arms(labels), columns)
    return Table(header, without(rows, "baseline: mean shift", (2, 5)), SEEDS)


def lookup() -> Table:
    """An encoder against a learnt vector for each set."""
    conditions = {"scgde": "both", "scgde, `gaussian=True`": "both, gaussian", "baseline: learnt vectors": "lookup"}
    columns = {}
    for label, name in conditions.items():
        columns[label] = {"column": "w2_squared", "where": {"condition": name}, "spread": True}
    columns["seconds"] = {"column": "seconds", "form": ".0f", "how": "range"}
    rows = {f"{n:,}": {"n_sets": n} for n in (10, 100, 1000)}
    caption = f"Squared W2 of transported cells to unseen sets. {SEEDS}"
    return Table(*grid("training sets", "lookup_comparison", rows, columns), caption)


def optimal() -> Table:
    """Single cells against the Brenier map."""
    rows = {
        'flow matching, `coupling="ot"`, `gaussian=True`': "flow_matching, ot, gaussian",
        '**flow matching, `coupling="ot"`, the default**': "flow_matching, ot",
        'flow matching, `coupling="sinkhorn"`': "flow_matching, sinkhorn",
        'flow matching, `coupling="independent"`': "flow_matching, independent",
        "`sliced_wasserstein`": "sliced_wasserstein",
        "`mmd`": "mmd",
        "`energy`": "energy",
        "`sinkhorn`": "sinkhorn",
    }
    columns = {
        "distance to the optimal map, mean": {"column": "brenier", "spread": True},
        "median": {"column": "brenier_median"},
        "W2 squared of the sets": {"column": "w2_squared", "spread": True},
        "floor: optimal map": {"column": "floor"},
    }
    where = {label: {"transport": name} for label, name in rows.items()}
    return Table(*grid("transport", "optimal_map", where, columns), SEEDS)


def out_of_range() -> Table:
    """Forecasts inside and outside of the range of the pairs."""
    labels = {"baseline: identity": "identity", "baseline: source-conditioned transport": "source-conditioned"}
    labels |= {"**predictor `kernel`, the default**": "TDE, kernel", "`ridge`": "TDE, ridge", "`flow`": "TDE, flow"}
    labels |= {"`neighbors`": "TDE, neighbors", "`kernel`, `gaussian=True` (two seeds)": "TDE, gaussian, kernel"}
    labels |= {"`ridge`, `gaussian=True`": "TDE, gaussian, ridge"}
    labels |= {"best predictor: true target embedding": "TDE, true target embedding"}
    labels |= {"the same, `gaussian=True`": "TDE, gaussian, true target embedding"}
    columns = {name: {"column": name, "spread": True} for name in ("inside", "outside")}
    caption = f"Unbiased energy distance. {SEEDS}"
    return Table(*grid("forecast", "out_of_range", arms(labels), columns), caption)


TABLES = {
    "larry_forecast": larry(),
    "larry_mixture": larry_mixture(),
    "larry_forecast_60_paired": sixty(),
    "orphan_clones": orphans(),
    "unseen_contexts": contexts(),
    "contexts_mixture": contexts_mixture(),
    "lookup_comparison": lookup(),
    "optimal_map": optimal(),
    "out_of_range": out_of_range(),
}
