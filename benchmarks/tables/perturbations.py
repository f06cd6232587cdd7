"""Tables on perturbations."""

from __future__ import annotations

from benchmarks.tables._declare import RESULTS, Table, grid, provenance

ARMS = {
    "**prediction of the fit**": "prediction",
    "the same, all cells shifted": "prediction, shift",
    "the same, by the transport alone": "prediction, transport",
    "baseline: no effect": "no effect",
    "baseline: mean effect": "mean effect",
}
AS_COUNTS = {"**prediction of the fit, as counts**": "prediction, as counts"}
OF_DOUBLES = {
    "baseline: matching mean": "matching mean",
    "baseline: additive": "additive",
    "baseline: shrunken additive": "shrunken additive",
    "baseline: stronger single": "stronger single",
    "baseline: moved single": "moved single",
    "baseline: ridge, one-hot": "ridge, one-hot",
}
OF_CONTEXTS = {
    "baseline: same perturbation, nearest context": "same perturbation, nearest context",
    "baseline: same perturbation, other contexts": "same perturbation, other contexts",
    "baseline: the same, shrunk by its noise": "shrunken additive",
    "baseline: the same, ridge": "ridge, one-hot",
}
BOUNDS = {"oracle: mean of the other half": "oracle mean shift", "best possible: split half": "split half"}


def caption(name: str, figures: str = "Mean over held-out pairs") -> str:
    """What the figures are, and over how many seeds."""
    n_seeds = len(provenance(name)["seeds"])
    return f"{figures}; one seed." if n_seeds == 1 else f"{figures}; median and range over {n_seeds} seeds."


def rows_of(arms: dict[str, str]) -> dict[str, dict]:
    """Selections of the rows of arms."""
    return {label: {"arm": arm} for label, arm in arms.items()}


def energy_of(group: str) -> dict:
    """Column with the energy distance of a group of pairs."""
    return {"column": "energy", "where": {"group": group}, "form": ".4f", "spread": True}


def papalexi() -> Table:
    """Held-out replicates."""
    return of_replicates("perturbations_papalexi", ARMS | OF_CONTEXTS | BOUNDS)


def of_replicates(name: str, arms: dict[str, str]) -> Table:
    """Pairs that respond, and others."""
    columns: dict[str, dict] = {}
    references = {"responding": "same target", "others": "no effect"}
    for group, reference in references.items():
        columns[f"{group}: energy distance"] = energy_of(group)
        columns[f"minus {reference}"] = {**energy_of(group), "column": "difference", "form": "+.4f"}
        columns[f"{group}: standard error"] = {**energy_of(group), "column": "difference_se"}
    return Table(*grid("arm", name, rows_of(arms), columns), caption(name))


def papalexi_counts() -> Table:
    """The same replicates, of which counts are predicted."""
    arms = AS_COUNTS | {label: arm for label, arm in (ARMS | OF_CONTEXTS | BOUNDS).items() if "transport" not in arm}
    return of_replicates("perturbations_papalexi_counts", arms)


def mcfaline() -> Table:
    """Held-out lines, hardly an effect."""
    columns = {"energy distance": energy_of("others")}
    return Table(
        *grid("arm", "perturbations_mcfaline", rows_of(ARMS | OF_CONTEXTS | BOUNDS), columns),
        caption("perturbations_mcfaline"),
    )


def norman() -> Table:
    """Doubles, each left out."""
    columns = {
        "energy distance": energy_of("doubles"),
        "weighted error": {"column": "weighted_error", "spread": True},
        "correlation": {"column": "delta_correlation", "spread": True},
        "rank": {"column": "rank_l2", "spread": True},
    }
    return Table(
        *grid("arm", "perturbations_norman", rows_of(ARMS | OF_DOUBLES | BOUNDS), columns),
        caption("perturbations_norman"),
    )


def simulated() -> Table:
    """Doubles in three worlds."""
    worlds = {
        "shift": "all cells shift",
        "composition": "shares of states change",
        "penetrance": "a part of the cells moves",
    }
    columns = {title: energy_of(world) for world, title in worlds.items()}
    own = {name: arm for name, arm in ARMS.items() if "baseline" not in name}
    own["the same, cells drawn again"] = "prediction, resample"
    arms = own | ARMS | OF_DOUBLES | {"baseline: shares of clusters": "clusters"} | BOUNDS
    return Table(*grid("arm", "perturbations_simulated", rows_of(arms), columns), caption("perturbations_simulated"))


def guides() -> Table:
    """Distances between guides."""
    arms = {
        "**embedding**": "embedding",
        "**embedding, noise subtracted**": "embedding, noise subtracted",
        "baseline: pseudobulk": "pseudobulk",
        "baseline: pseudobulk, cosine": "pseudobulk, cosine of the deviation from the mean",
        "baseline: means of components": "means of components",
        "baseline: the same, noise subtracted": "means of components, noise subtracted",
        "energy distance": "energy distance",
    }
    columns = {
        "one target, responding": {"column": "auc_same_target_responding", "spread": True},
        "one target, all": {"column": "auc_same_target", "spread": True},
        "rank correlation with energy distance": {"column": "spearman_with_energy", "spread": True},
        "with number of cells": {"column": "spearman_with_n_cells", "form": ".2f", "spread": True},
    }
    figures = caption("guides", "Areas under the ROC curve and rank correlations")
    return Table(*grid("distance", "guides", rows_of(arms), columns), figures)


_ALL = {
    "perturbations_papalexi": papalexi,
    "perturbations_papalexi_counts": papalexi_counts,
    "perturbations_mcfaline": mcfaline,
    "perturbations_norman": norman,
    "perturbations_simulated": simulated,
    "guides": guides,
}
TABLES = {name: table() for name, table in _ALL.items() if (RESULTS / f"{name}.csv").exists()}
