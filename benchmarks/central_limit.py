r"""Does the embedding of m cells obey the central limit theorem, and do its standard errors and tests hold?

A population is fixed: 10,000 cells of a Gaussian, or one of the largest sets of a file. m cells are drawn from it
with replacement, so that the truth is known exactly: the embedding of all its cells. For every encoder, along the
first two principal axes of the embeddings of all sets: the slope of log sd against log m for m >= 100; skewness,
D'Agostino's and Henze and Zirkler's tests of normality; how often the 95 % region around the embedding of a draw,
from the influence of the drawn cells alone, covers the truth. For the first encoder: how often `tl.compare_sets`
rejects for two draws of one population, and for a draw of a shifted one.

    python benchmarks/central_limit.py
    python benchmarks/central_limit.py --encoders pooled_gnn --data bodenmiller2012_pbmc_stim.h5ad \
        --groupby treatment cell_type
    python benchmarks/central_limit.py --encoders pooled_gnn --data covid_pbmc_stephenson_pca.h5ad --groupby donor
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import stats

import scgde
from _common import data_path, parser, report, timed
from scgde.nn.encoders import ENCODERS, MeanPoolingEncoder
from scgde.nn.influence import embedding_covariance, influence

if TYPE_CHECKING:
    import argparse

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
SIZES = (10, 30, 100, 300, 1000, 3000)
TEST_SIZES = (10, 30, 100, 300, 1000)
#: Of the standard deviation of the cells along their first principal axis.
SHIFTS = (0.05, 0.1, 0.2, 0.4, 0.8)
#: Each draw is compared with so many others: pairs that share a draw are dependent, but still tell something new.
PAIRS_PER_DRAW = 4
CELLS_PER_BATCH = 16_384
#: Encoders of quadratic time get 400 draws of more cells, and no covariances.
MAX_QUADRATIC = 1000
POPULATION = 10_000


class Fit(NamedTuple):
    """A fitted model, its sets, and the populations to draw from, each ``(n, G)``."""

    model: scgde.model.GDE
    fitted: dict[str, Any]
    populations: dict[str, torch.Tensor]

    @property
    def axes(self) -> np.ndarray:
        """First two principal axes of the embeddings of all sets, shape ``(E, 2)``."""
        z = self.fitted["embedding"].astype(float)
        return np.linalg.svd(z - z.mean(axis=0), full_matrices=False)[2][:2].T


class Draws(NamedTuple):
    """Embeddings ``(n, k)`` of draws, and the covariance ``(n, k, k)`` that each draw gives itself."""

    embedding: np.ndarray
    covariance: np.ndarray

    def first(self, n: int) -> Draws:
        """Some of them."""
        return Draws(self.embedding[:n], self.covariance[:n])


def fit(adata: ad.AnnData, groupby: list[str], encoder: str, arguments: argparse.Namespace, record: dict) -> Fit:
    sizes = {"n_hidden": 64} if "n_hidden" in ENCODERS[encoder].__init__.__kwdefaults__ else {}
    with timed(record):
        model = scgde.tl.fit_gde(
            adata,
            groupby,
            encoder=encoder,
            n_latent=8,
            encoder_kwargs=sizes,
            generator_kwargs={"backbone_kwargs": {"n_hidden": 64, "n_layers": 2}},
            max_steps=arguments.steps,
            validation_fraction=0,
            progress_bar=False,
        )
    if ENCODERS[encoder].is_smooth:
        scgde.tl.uncertainty(adata)
    return Fit(model, adata.uns["gde"], populations(adata, arguments))


def populations(adata: ad.AnnData, arguments: argparse.Namespace) -> dict[str, torch.Tensor]:
    if arguments.data is None:
        cells = scgde.datasets.gaussian_sets(1, POPULATION, 5, prior="balanced", seed=1).X
        return {"Gaussian": torch.from_numpy(np.asarray(cells))}
    x = adata.obsm.get("X_pca", adata.X)
    names = adata.uns["gde"]["sets"]["n_cells"].nlargest(arguments.populations).index
    return {name: torch.from_numpy(np.asarray(x[adata.obs["gde_set"] == name])) for name in names}


def draw(
    fit: Fit, cells: torch.Tensor, m: int, n: int, rng: np.random.Generator, axes: np.ndarray | None = None
) -> Draws:
    """``n`` draws of ``m`` cells, along ``axes`` of the embedding or all of it; covariances NaN where too slow."""
    module = fit.model.module
    linear_time = isinstance(module.encoder, MeanPoolingEncoder)
    smooth = module.encoder.is_smooth and (linear_time or m <= MAX_QUADRATIC)
    projection = torch.as_tensor(np.eye(module.encoder.n_embed) if axes is None else axes, dtype=torch.float32)
    embeddings, covariances = [], []
    for size in np.diff(np.append(np.arange(0, n, max(1, CELLS_PER_BATCH // m)), n)):
        x = cells[torch.from_numpy(rng.integers(len(cells), size=(size, m)))]
        weights = torch.full((size, m), 1 / m)
        with torch.no_grad():
            embeddings.append(module.embed(x, weights) @ projection)
        if smooth:
            values = influence(lambda x, w: module.embed(x, w) @ projection, x, weights)
            covariances.append(embedding_covariance(values.double(), weights.double(), torch.full((size,), m)))
    k = projection.shape[1]
    covariance = torch.cat(covariances).numpy() if smooth else np.full((n, k, k), np.nan)
    return Draws(torch.cat(embeddings).double().numpy(), covariance)


def coverage(draws: Draws, truth: np.ndarray, m: int) -> float:
    """Share of the 95 % regions that hold the truth."""
    if np.isnan(draws.covariance).any():
        return np.nan
    error = draws.embedding - truth
    k = error.shape[1]
    distance = np.einsum("ni,ni->n", error, np.linalg.solve(draws.covariance, error[..., None])[..., 0])
    return float(np.mean(distance <= stats.f.ppf(0.95, k, m - k) * k * (m - 1) / (m - k)))


def henze_zirkler(x: np.ndarray) -> float:
    """P-value of the test of multivariate normality of Henze and Zirkler (1990), for ``(n, d)``."""
    n, d = x.shape
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T, bias=True))).T
    own, between = (x**2).sum(axis=1), ((x[:, None] - x[None]) ** 2).sum(axis=-1)
    b2 = (n * (2 * d + 1) / 4) ** (2 / (d + 4)) / 2
    a, w = 1 + 2 * b2, (1 + b2) * (1 + 3 * b2)
    near = 2 * (1 + b2) ** (-d / 2) * np.exp(-b2 * own / (2 * (1 + b2))).sum()
    statistic = np.exp(-b2 * between / 2).sum() / n - near + n * a ** (-d / 2)
    mean = 1 - a ** (-d / 2) * (1 + d * b2 / a + d * (d + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-d / 2)
        + 2 * a ** (-d) * (1 + 2 * d * b2**2 / a**2 + 3 * d * (d + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-d / 2) * (1 + 3 * d * b2**2 / (2 * w) + d * (d + 2) * b2**4 / (2 * w**2))
    )
    log_variance = np.log1p(variance / mean**2)
    return float(stats.norm.sf((np.log(statistic) - np.log(mean) + log_variance / 2) / log_variance**0.5))


def limit_rows(fit: Fit, base: dict, arguments: argparse.Namespace) -> list[dict]:
    """One row per population and size."""
    rows = []
    for name, cells in fit.populations.items():
        rng = np.random.default_rng(0)
        truth = fit.model.embed(cells.numpy(), np.zeros(len(cells), dtype=int))[0].astype(float) @ fit.axes
        for m in SIZES:
            few = m > MAX_QUADRATIC and not isinstance(fit.model.module.encoder, MeanPoolingEncoder)
            draws = draw(fit, cells, m, min(arguments.draws, 400) if few else arguments.draws, rng, fit.axes)
            # The tests of normality get as many draws as the protocol says; more find ever smaller departures.
            x = draws.embedding[:400]
            row = {"population": name, "m": m, "coverage": coverage(draws, truth, m)}
            row |= {f"sd{i}": draws.embedding[:, i].std(ddof=1) for i in (0, 1)}
            row |= {f"bias{i}": (draws.embedding[:, i].mean() - truth[i]) / row[f"sd{i}"] for i in (0, 1)}
            row |= {f"skew{i}": stats.skew(draws.embedding[:, i]) for i in (0, 1)}
            row |= {"dagostino": stats.normaltest(x).pvalue.min(), "henze_zirkler": henze_zirkler(x)}
            rows.append(base | row)
    return rows


def summary(rows: list[dict]) -> list[dict]:
    """One row per encoder and population."""
    lines = []
    for (encoder, population), part in pd.DataFrame(rows).groupby(["encoder", "population"], sort=False):
        large = part[part["m"] >= 100].set_index("m")
        slopes = [np.polyfit(np.log(large.index), np.log(large[f"sd{i}"]), 1)[0] for i in (0, 1)]
        line = {"encoder": encoder, "population": population, "slope0": slopes[0], "slope1": slopes[1]}
        line |= {"skew": large[["skew0", "skew1"]].abs().to_numpy().max()}
        line |= {f"p_normal_{m}": large["henze_zirkler"].get(m) for m in (100, 1000)}
        lines.append(line | {f"coverage_{m}": part.set_index("m")["coverage"].get(m) for m in SIZES})
    return [{k: round(v, 3) if isinstance(v, float) else v for k, v in line.items()} for line in lines]


def rejected(fit: Fit, a: Draws, b: Draws, n_cells: tuple[int, int], *, pairs_per_draw: int = 1) -> float:
    """Share of pairs of draws, among the fitted sets, that `tl.compare_sets` rejects at the 5 % level."""
    n = len(fit.fitted["sets"])
    table = pd.DataFrame({"n_cells": [*fit.fitted["sets"]["n_cells"], *n_cells]}).rename(index=str)
    adata = ad.AnnData(uns={"gde": {"sets": table}})
    for name in ("embedding", "covariance"):
        adata.uns["gde"][name] = np.concatenate([fit.fitted[name], fit.fitted[name][:2]])
    p_values = []
    for offset in range(pairs_per_draw):
        for i in range(len(a.embedding)):
            for name in ("embedding", "covariance"):
                adata.uns["gde"][name][n:] = getattr(a, name)[i], getattr(b, name)[i - offset]
            p_values.append(scgde.tl.compare_sets(adata, str(n), str(n + 1)).p_value)
    return float(np.mean(np.array(p_values) < 0.05))


def comparison_rows(fit: Fit, base: dict, arguments: argparse.Namespace) -> list[dict]:
    """Rejections under the null, of equal and of unequal sizes, and under shifts."""
    rows = []
    for name, cells in fit.populations.items():
        rng, n, most = np.random.default_rng(1), arguments.draws, max(TEST_SIZES)
        many = draw(fit, cells, most, n, rng)
        _, scale, axis = torch.linalg.svd(cells - cells.mean(0), full_matrices=False)
        step = axis[0] * scale[0] / len(cells) ** 0.5
        for m in TEST_SIZES:
            a, row = draw(fit, cells, m, n, rng), base | {"population": name, "m": m}
            for other, b in {m: draw(fit, cells, m, n, rng), most: many}.items():
                share = rejected(fit, a, b, (m, other), pairs_per_draw=PAIRS_PER_DRAW)
                rows.append(row | {"other": other, "shift": 0.0, "rejected": share})
            for shift in SHIFTS:
                few = draw(fit, cells + shift * step, m, n // 5, rng)
                rows.append(row | {"other": m, "shift": shift, "rejected": rejected(fit, a.first(n // 5), few, (m, m))})
    return rows


def draw_figure(limits: pd.DataFrame, tests: pd.DataFrame, path: Path) -> None:
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained")
    for (encoder, population), part in limits.groupby(["encoder", "population"], sort=False):
        label = encoder if len(limits["encoder"].unique()) > 1 else population
        axes[0].plot(part["m"], part["sd0"] / part["sd0"].iloc[-1], marker=".", label=label)
        axes[1].plot(part["m"], 100 * part["coverage"], marker=".", label=label)
    m = np.array(SIZES)
    axes[0].plot(m, (m / m[-1]) ** -0.5, color="black", linestyle=":", label="slope -1/2")
    axes[0].set(xscale="log", yscale="log", xlabel="cells", ylabel="sd along the first axis, relative")
    axes[1].axhspan(93, 97, color="0.9")
    axes[1].set(xscale="log", xlabel="cells", ylabel="coverage of 95 % regions, %")
    axes[0].legend(frameon=False, fontsize="x-small")
    null = tests[tests["shift"] == 0]
    for i, (population, part) in enumerate(null.groupby("population", sort=False)):
        same = part[part["m"] == part["other"]]
        unequal = part[part["other"] == max(TEST_SIZES)]
        axes[2].plot(same["m"], 100 * same["rejected"], marker="o", color=f"C{i}", label=population)
        axes[2].plot(unequal["m"], 100 * unequal["rejected"], marker="o", linestyle="--", color=f"C{i}", mfc="white")
    axes[2].axhspan(4, 6, color="0.9")
    axes[2].set(xscale="log", ylim=(0, 10), xlabel="cells (dashed: against 1,000)", ylabel="false positive rate, %")
    axes[1].set_ylim(88, 100)
    axes[2].legend(frameon=False, fontsize="x-small")
    first = tests[(tests["population"] == tests["population"].iloc[0]) & (tests["m"] == tests["other"])]
    for m, part in first.groupby("m"):
        axes[3].plot(part["shift"], 100 * part["rejected"], marker="o", label=f"{m} cells")
    axes[3].set(xlabel="shift of the cells, sd of their first axis", ylabel="power, %")
    axes[3].legend(frameon=False, fontsize="x-small", loc="center left", bbox_to_anchor=(1, 0.5))
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    FIGURES.mkdir(exist_ok=True)
    figure.savefig(path, dpi=150)


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--encoders", nargs="+", default=["pooled_gnn", *(e for e in ENCODERS if e != "pooled_gnn")])
    options.add_argument("--draws", type=int, default=1000, help="draws of each size")
    options.add_argument("--data", help="h5ad file, resampled by its largest sets")
    options.add_argument("--groupby", nargs="+", default=["set"])
    options.add_argument("--populations", type=int, default=3, help="how many of the largest sets")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    data = "gaussians" if arguments.data is None else Path(arguments.data).name.split("_")[0]
    name = arguments.name or f"central_limit_{data}"

    limits, tests = [], []
    for encoder in arguments.encoders:
        if arguments.data is None:
            adata = scgde.datasets.gaussian_sets(300, 200, 5, prior="balanced", seed=0)
        else:
            adata = ad.read_h5ad(data_path(arguments.data))
        base: dict = {"encoder": encoder}
        fitted = fit(adata, arguments.groupby, encoder, arguments, seconds := {})
        with timed(seconds):
            limits += limit_rows(fitted, base, arguments)
            if encoder == arguments.encoders[0]:
                tests += comparison_rows(fitted, base, arguments)
        print(encoder, seconds, flush=True)
    report(tests, f"{name}_rejections", seeds=[0])
    report(limits, f"{name}_by_size", seeds=[0])
    report(summary(limits), name, seeds=[0])
    draw_figure(pd.DataFrame(limits), pd.DataFrame(tests), FIGURES / f"{name}.png")


if __name__ == "__main__":
    main()
