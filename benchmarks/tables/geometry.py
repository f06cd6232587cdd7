"""Tables on latent geometry."""

from __future__ import annotations

from benchmarks.tables._declare import Table, Value, grid

SEEDS = "Median and range over three seeds."
AGREEMENT = {name: {"column": name.lower(), "spread": True} for name in ("Pearson", "Spearman")}
ENERGY = {"energy distance": {"column": "energy", "form": ".4f"}}
W2 = {"W2": {"column": "w2", "spread": True}}
MIDPOINT = {"midpoint error": {"column": "midpoint", "form": ".1%", "spread": True}}
REFERENCES = {
    "baseline: distance of means": "distance of means",
    "baseline: kernel mean, tuned on these pairs": "kernel mean, tuned",
    "baseline: pairwise W2 of 40 sets of 200 cells and MDS": "pairwise OT + MDS",
    "knows the family: moments": "distance of moments",
    "knows the family: Gaussian fit of the observed cells": "Gaussian fit of the cells seen",
    "floor: true cells": "true cells (floor)",
}


def models(labels: dict[str, str]) -> dict[str, dict]:
    """Selections of the rows of models."""
    return {label: {"model": model} for label, model in labels.items()}


def gaussian() -> Table:
    """Sets that differ mostly in their means."""
    own = {
        "**scgde, the default (one seed)**": "default",
        "scgde, `isometry=0.1` (one seed)": "isometry",
        "scgde, `moments=False`": "learnt",
        "scgde, `moments=False`, `isometry=0.1`": "learnt, isometry",
    }
    rows = models(own | REFERENCES)
    squared = {"W2 squared": {"column": "w2_squared", "form": ".4f", "spread": True}}
    columns = {name: column | {"form": ".4f"} for name, column in AGREEMENT.items()} | squared | MIDPOINT
    return Table(*grid("model", "gaussian_geometry", rows, columns), SEEDS)


def balanced() -> Table:
    """Sets that differ in location and shape alike."""
    own = {
        "**scgde, the default (one seed)**": "default",
        "scgde, `isometry=0.1` (one seed)": "isometry",
        "scgde, `moments=False`": "learnt",
        'scgde, `moments=False`, `coupling="ot"`': "OT",
        'scgde, `moments=False`, `coupling="ot"`, `isometry=0.1`': "OT, isometry",
    }
    columns = AGREEMENT | ENERGY | W2 | MIDPOINT
    return Table(*grid("model", "balanced_gaussian_geometry", models(own | REFERENCES), columns), SEEDS)


def encoders_and_generators() -> Table:
    """The grid of encoders and generators of embeddings that are learnt as a whole, after 600 steps."""
    rows = {
        "pooled_gnn, flow matching, `gaussian=True`": "gaussian",
        'pooled_gnn, flow matching, `coupling="ot"`': "OT",
        "pooled_gnn, sinkhorn": "sinkhorn",
        "**pooled_gnn, flow matching (the default)**": "learnt",
        "residual_gnn, flow matching": "residual",
        "pooled_gnn, diffusion": "diffusion",
        "residual_gnn, diffusion": "residual, diffusion",
        "pooled_gnn, sliced Wasserstein": "sliced Wasserstein",
        "moments, flow matching": "moments",
        "wormhole, wormhole (seed 0)": "wormhole",
        "pooled_gnn, mmd": "mmd",
        "pooled_gnn, energy": "energy",
        "pooled_gnn, cvae": "cvae",
        "deep_sets, flow matching": "deep sets",
        "kernel_mean, flow matching": "kernel mean",
    }
    columns = AGREEMENT | ENERGY | W2 | MIDPOINT | {"seconds": {"column": "seconds", "form": ".0f"}}
    return Table(*grid("encoder, generator", "balanced_gaussian_geometry_grid", models(rows), columns), SEEDS)


def reconstruction(dims: str, own: dict[str, str], gaussians: str, mixtures: str) -> Table:
    """Gaussian sets and mixtures of one experiment."""
    columns = {}
    for label, family in {"Gaussians": gaussians, "mixtures": mixtures}.items():
        columns[f"{label}: Spearman"] = {"column": "spearman", "where": {"family": family}, "spread": True}
        columns[f"{label}: energy distance"] = {"column": "energy", "where": {"family": family}, "spread": True}
    columns["Gaussians: W2"] = {"column": "w2", "where": {"family": gaussians}, "form": ".2f", "spread": True}
    rows = own | {name: REFERENCES[name] for name in REFERENCES if "kernel" in name or "of means" in name}
    header, body = grid("model", f"reconstruction_{dims}", models(rows), columns)
    only = {"column": "spearman"}
    fit: list = ["knows the family: Gaussian fit of the observed cells"]
    where = {"model": "Gaussian fit of the cells seen"}
    for name, column in columns.items():
        fit.append(
            ""
            if "mixtures" in name or column["column"] == only["column"]
            else Value(f"reconstruction_{dims}", **(column | {"where": where}))
        )
    return Table(header, [*body, tuple(fit)], SEEDS)


def multinomial() -> Table:
    """Multinomials and digits."""
    own = {"scgde": "small", 'scgde, `coupling="ot"`': "small, OT", "scgde, `isometry=0.1`": "small, isometry"}
    references = {
        "baseline: distance of means": "distance of means",
        "baseline: means and standard deviations": "means and sd",
        "baseline: kernel mean, tuned on these pairs": "kernel mean, tuned",
        "best possible: W2 of the observed shares": "W2 of observed shares",
    }
    data = {
        "multinomials, 100 counts": "multinomial",
        "digits, 100 images": "digits",
        "digits, 2,000 images": "digits, many",
    }
    columns = {label: {"column": "pearson", "where": {"data": name}, "spread": True} for label, name in data.items()}
    caption = f"Pearson correlation. {SEEDS}"
    return Table(*grid("model", "multinomial_geometry", models(own | references), columns), caption)


def prior() -> Table:
    """Skewed priors, and weights against them."""
    rows = {}
    for alpha, name in {2.0**-5: "1/32", 1.0: "1", 32.0: "32"}.items():
        for label, weights in {"none": "none", "by share": "covariate", "by density": "density"}.items():
            if alpha != 1 or weights == "none":
                rows[f"{name}, {label}"] = {"alpha_1": alpha, "weights": weights, "model": "small"}
    columns = {
        "Pearson": {"column": "pearson", "spread": True},
        "ratio": {"column": "ratio", "form": ".2f", "spread": True},
    }
    return Table(*grid("alpha, weights", "prior_warping", rows, columns), SEEDS)


def poisson() -> Table:
    """Probability of zero from n counts."""
    columns = {
        "baseline: share of zeros": {"column": "naive", "form": ".2g"},
        "baseline: best unbiased estimate": {"column": "rao_blackwell", "form": ".2g"},
        "scgde": {"column": "gde", "form": ".2g"},
        "best possible: mean under the true prior": {"column": "posterior_mean", "form": ".2g"},
    }
    rows = {f"{n:,}": {"n": n} for n in (10, 100, 1000)}
    return Table(*grid("counts", "poisson_zero", rows, columns), "Mean squared error; median over three seeds.")


TABLES = {
    "gaussian_geometry": gaussian(),
    "balanced_gaussian_geometry": balanced(),
    "encoders_and_generators": encoders_and_generators(),
    "reconstruction_low": reconstruction(
        "d5",
        {
            "**scgde, the default (one seed)**": "default",
            "scgde, `moments=False`": "learnt",
            "scgde, `moments=False`, kernel mean as encoder": "kernel mean",
        },
        "gaussians, d = 5",
        "mixtures, d = 2",
    ),
    "reconstruction_high": reconstruction(
        "d10",
        {
            "**scgde, the default (one seed)**": "default",
            "scgde, `moments=False`": "learnt",
            "scgde, `moments=False`, kernel mean as encoder": "kernel mean",
            "Wasserstein Wormhole, own implementation": "wormhole",
        },
        "gaussians, d = 10",
        "mixtures, d = 10",
    ),
    "multinomial_geometry": multinomial(),
    "prior_warping": prior(),
    "poisson_zero": poisson(),
}
