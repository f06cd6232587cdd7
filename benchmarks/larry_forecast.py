"""Where do the cells of a clone go? LARRY in vitro, sets are clones on a day; half of the clones are held out.

Sets have at least 3 cells, pairs are those of days 2 and 4, 4 and 6. Energy distance 2 E|x-y| - E|x-x'| - E|y-y'|
between forecast and true target cells, mean over the pairs of held-out clones, with its standard error, and the paired
differences to the source-conditioned transport and (*orphans*) to the fit on pairs alone, with theirs. ``energy``: the
V-statistic, over all pairs of cells; ``unbiased_energy``: without the pairs of a cell with itself, and without those of
copies of one source cell that was transported to several draws.

*Strict*: nothing of a held-out clone is seen in any step. `--transductive`: its sets are trained on, as orphans.
`--paired 60`: only so many training clones remain paired, the sets of the others are orphans.

*Mixture* is `tl.forecast`: the default predictor with simple forecasts, in shares that validation clones choose. Arms
named after a predictor are the transport alone.

    python benchmarks/larry_forecast.py
    python benchmarks/larry_forecast.py --transductive
    python benchmarks/larry_forecast.py --paired 60
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scipy.spatial.distance import cdist

import scgde
from _common import larry_clones, parser, report, timed
from _forecasts import METRICS, score_forecasts

if TYPE_CHECKING:
    from anndata import AnnData

#: The first is the default.
PREDICTORS = ("kernel", "neighbors", "flow", "mlp", "ridge")
DAYS_BETWEEN, MIN_CELLS = 2, 3


def split_clones(adata: AnnData, seed: int) -> None:
    """Half of the clones to test on, a tenth of the others to choose when to stop."""
    clones = np.random.default_rng(seed).permutation(adata.obs["clone_id"].dropna().unique())
    n_train, n_validation = round(0.45 * len(clones)), round(0.05 * len(clones))
    parts = np.repeat(["train", "validation", "test"], [n_train, n_validation, len(clones) - n_train - n_validation])
    adata.obs["split"] = adata.obs["clone_id"].map(dict(zip(clones, parts, strict=True)))


def unpair_clones(adata: AnnData, n_paired: int, seed: int) -> None:
    """Make a clone of its own of each day of a training clone, but for ``n_paired`` of those with a pair."""
    train = adata.obs[adata.obs["split"] == "train"]
    size = train.groupby(["clone_id", "day"], observed=True).size()
    days = size[size >= MIN_CELLS].reset_index()[["clone_id", "day"]]
    days["before"] = days["day"] - DAYS_BETWEEN
    both = days.merge(days, left_on=["clone_id", "before"], right_on=["clone_id", "day"])
    paired = np.random.default_rng(seed).permutation(both["clone_id"].unique())[:n_paired]
    unpaired = (adata.obs["split"] == "train") & ~adata.obs["clone_id"].isin(paired)
    name = adata.obs["clone_id"].astype(str)
    adata.obs["clone_id"] = name.where(~unpaired, name + "." + adata.obs["day"].astype(str)).where(name != "nan")


def fit(adata: AnnData, seed: int, steps: int, **options: Any) -> float:
    """Fit under ``key_added`` and return the seconds."""
    record: dict = {}
    with timed(record):
        scgde.tl.fit_tde(
            adata,
            "clone_id",
            time_key="day",
            min_cells=MIN_CELLS,
            split_key="split",
            scaling="common",
            max_steps=steps,
            seed=seed,
            progress_bar=False,
            **options,
        )
    return record["seconds"]


def scored(adata: AnnData, key: str, seed: int, **options: Any) -> pd.DataFrame:
    """Energy distance of each forecast of each held-out pair of the protocol; columns: metric, forecast."""
    scores = score_forecasts(adata, key=key, seed=seed, **options)
    scores = scores[scores["time_to"] - scores["time_from"] == DAYS_BETWEEN]
    return scores.pivot_table(index=["source", "target"], columns=["metric", "forecast"], values="value")


def nearest_clone(adata: AnnData, scores: pd.DataFrame) -> list[float]:
    """Energy distance of the target cells of the training pair whose source is nearest by energy on the same day."""
    sets, pairs = adata.uns["tde"]["sets"], adata.uns["tde"]["pairs"]
    known = pairs[(pairs["split"] != "test") & (pairs["time_to"] - pairs["time_from"] == DAYS_BETWEEN)]
    rows = adata.obs.groupby("tde_set", observed=True).indices
    day, early = sets["day"], [adata.X[rows[name]] for name in known["source"]]
    within = np.array([cdist(cells, cells).mean() for cells in early])
    start = np.cumsum([0, *map(len, early[:-1])])
    values = []
    for source, target in scores.index:
        between = cdist(adata.X[rows[source]], np.concatenate(early)).mean(axis=0)
        energy = 2 * np.add.reduceat(between, start) / np.diff([*start, len(between)]) - within
        energy[(day[known["source"]] != day[source]).to_numpy()] = np.inf
        nearest = known["target"].iloc[int(energy.argmin())]
        values.append(scgde.metrics.energy_distance(adata.X[rows[nearest]], adata.X[rows[target]]))
    return values


def arms(
    adata: AnnData, seed: int, steps: int, *, only_default: bool, transductive: bool, pair_fraction: float | None
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Energy distance of every arm (columns: metric, arm) for every held-out pair, and the seconds of the fits."""
    seconds = {"source-conditioned": fit(adata, seed, steps, condition="source", key_added="source")}
    if not only_default:
        seconds["paired only"] = fit(adata, seed, steps, pair_fraction=1.0, key_added="paired")
    seconds["with orphans"] = fit(adata, seed, steps, transductive=transductive, pair_fraction=pair_fraction)
    print(adata.uns["tde"]["params"].get("pair_fraction"), scgde.results.read_model(adata, "tde").mixture, flush=True)
    table = scored(adata, "tde", seed, source_fit="source")
    own: dict[tuple[str, str], Any] = {("energy", "nearest clone"): nearest_clone(adata, table)}
    own |= {(name, "mixture"): table[name, "forecast"] for name in METRICS}
    own |= {(name, f"with orphans, {PREDICTORS[0]}"): table[name, "transport"] for name in METRICS}
    if not only_default:
        paired = scored(adata, "paired", seed)
        own |= {(name, "paired only, kernel"): paired[name, "transport"] for name in METRICS}
    for predictor in () if only_default else PREDICTORS[1:]:
        scgde.tl.fit_predictor(adata, predictor, seed=seed)
        part = scored(adata, "tde", seed)
        own |= {(name, f"with orphans, {predictor}"): part[name, "transport"] for name in METRICS}
    return table.drop(columns=["forecast", "transport"], level=1).join(pd.DataFrame(own, index=table.index)), seconds


def main() -> None:
    options = parser(__doc__, steps=1000)
    options.add_argument("--transductive", action="store_true")
    options.add_argument("--paired", type=int, help="training clones that remain paired; all by default")
    options.add_argument("--only-default", action="store_true", help="no fit on pairs alone, no other predictors")
    options.add_argument("--pair-fraction", type=float, help="share of given pairs in a step")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for seed in arguments.seeds:
        adata = larry_clones()
        split_clones(adata, seed)
        if arguments.paired is not None:
            unpair_clones(adata, arguments.paired, seed)
        of_fit = {
            "only_default": arguments.only_default,
            "transductive": arguments.transductive,
            "pair_fraction": arguments.pair_fraction,
        }
        table, seconds = arms(adata, seed, arguments.steps, **of_fit)
        for arm in table["energy"]:
            record = {"arm": arm, "seed": seed, "pairs": len(table)}
            for name in METRICS:
                if arm in table[name]:
                    values = table[name, arm].dropna()
                    record |= {name: values.mean(), f"{name}_se": values.sem()}
                    others = {"difference": "source-conditioned"}
                    others |= {} if arguments.only_default else {"orphans": "paired only, kernel"}
                    for short, other in others.items():
                        gain = (values - table[name, other]).dropna()
                        record |= {f"{name}_{short}": gain.mean(), f"{name}_{short}_se": gain.sem()}
            rows.append(record | {"seconds": seconds.get(arm.split(",")[0])})
    name = "larry_forecast" + "_transductive" * arguments.transductive
    name += "" if arguments.paired is None else f"_{arguments.paired}_paired"
    rows = [{key: _rounded(value) for key, value in row.items()} for row in rows]
    table = report(rows, arguments.name or name)
    print("\nmean over seeds\n", table.drop(columns="seed").groupby("arm", sort=False).mean().round(4).to_string())


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
