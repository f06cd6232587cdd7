"""Do small sets help a fit or harm it: which `min_cells` should be the default?

Fits on the training sets of at least so many cells, each scored on the same held-out sets, those of ten cells or more.
``kept_sets`` and ``kept_cells`` are the shares of all sets, and of their cells, that `min_cells` leaves.

larry: generation of held-out clones on a day, energy distance to unseen cells of theirs (``tl.score_generation``), next
to the pooled cells and the Gaussian of the half that is embedded; ``floor`` is that half. clones: forecasts of held-out
simulated clones, energy distance to their later cells (``tl.evaluate_transport``), next to the mean shift; ``floor`` is
the true target, transported. forecasts: the same on LARRY. kept: these shares alone, without a fit.

    python benchmarks/small_sets.py --data larry
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

import scgde
from _common import igan_donors, larry_clones, parser, report, timed

if TYPE_CHECKING:
    from anndata import AnnData

MIN_CELLS = (1, 2, 3, 5, 10)
#: Cells of a set that scores, whatever the training sets were.
SCORED = 10


def split_groups(adata: AnnData, column: str, seed: int) -> None:
    """A third of the clones to test on, a tenth to choose when to stop."""
    names = np.random.default_rng(seed).permutation(adata.obs[column].dropna().unique())
    parts = np.resize(
        ["test", "train", "test", "train", "train", "test", "train", "train", "validation", "train"], len(names)
    )
    adata.obs["split"] = adata.obs[column].map(dict(zip(names, parts, strict=True))).astype(object)


def kept(adata: AnnData, columns: list[str], min_cells: int) -> dict[str, float]:
    """Shares of sets and cells that are left."""
    size = adata.obs.groupby(columns, observed=True).size()
    left = size[size >= min_cells]
    return {"sets": len(left), "kept_sets": len(left) / len(size), "kept_cells": float(left.sum() / size.sum())}


def shares() -> list[dict]:
    """What is left of real and simulated clones, and of donors, without any fit."""
    data = {
        "clones of LARRY on a day": (larry_clones(), ["clone_id", "day"]),
        "simulated clones on a day": (simulated_clones(0), ["clone", "time"]),
        "IgAN donors": (igan_donors(), ["donor"]),
    }
    return [
        {"data": name, "min_cells": min_cells, **kept(adata, columns, min_cells)}
        for name, (adata, columns) in data.items()
        for min_cells in MIN_CELLS
    ]


def simulated_clones(seed: int) -> AnnData:
    """Half of them are seen on several days."""
    return scgde.datasets.clones(500, paired_fraction=0.5, seed=seed)


def larry(min_cells: int, seed: int, steps: int) -> dict:
    """Generation of held-out clones of a day."""
    adata, record = larry_clones(), {}
    split_groups(adata, "clone_id", seed)
    options = {"min_cells": min_cells, "max_steps": steps, "seed": seed, "progress_bar": False}
    with timed(record):
        scgde.tl.fit_gde(adata, ["clone_id", "day"], split_key="split", moments=False, **options)
    sets = adata.uns["gde"]["sets"]
    chosen = sets.index[(sets["split"] == "test") & (sets["n_cells"] >= SCORED)].tolist()
    scores = scgde.tl.score_generation(adata, sets=chosen, seed=seed)
    values = {
        "score": scores["generated"],
        "pooled": scores["pooled"],
        "simple": scores["gaussian"],
        "floor": scores["floor"],
    }
    return kept(adata, ["clone_id", "day"], min_cells) | _means(values) | record


def clones(min_cells: int, seed: int, steps: int) -> dict:
    """Forecasts of held-out simulated clones."""
    return _forecast(simulated_clones(seed), "clone", "time", min_cells, seed, steps)


def forecasts(min_cells: int, seed: int, steps: int) -> dict:
    """Forecasts of held-out clones of LARRY."""
    return _forecast(larry_clones(), "clone_id", "day", min_cells, seed, steps)


def _forecast(adata: AnnData, clone: str, time: str, min_cells: int, seed: int, steps: int) -> dict:
    record: dict = {}
    split_groups(adata, clone, seed)
    options = {"min_cells": min_cells, "max_steps": steps, "seed": seed, "progress_bar": False}
    with timed(record):
        # By default few training sets have moments: all arms have.
        scgde.tl.fit_tde(adata, clone, time_key=time, split_key="split", moments=True, **options)
    sets, pairs = adata.uns["tde"]["sets"], adata.uns["tde"]["pairs"]
    large = [sets["n_cells"].reindex(pairs[end]).to_numpy() >= SCORED for end in ("source", "target")]
    chosen = pairs.index[(pairs["split"] == "test") & large[0] & large[1]]
    chosen = np.random.default_rng(0).permutation(chosen)[:100].tolist()
    scores = scgde.tl.evaluate_transport(adata, pairs=chosen, metric="energy", seed=seed)
    of = scores.groupby("forecast")["value"].mean()
    values = {
        "score": of["forecast"],
        "pooled": of["pooled targets"],
        "simple": of["mean shift"],
        "floor": of["true target"],
    }
    return kept(adata, [clone, time], min_cells) | _means(values) | {"pairs": len(pairs)} | record


def _means(values: dict) -> dict[str, float]:
    return {name: float(np.mean(value)) for name, value in values.items()}


DATA = {function.__name__: function for function in (larry, clones, forecasts)}


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--data", choices=[*DATA, "kept"], required=True)
    options.add_argument("--min-cells", type=int, nargs="+", default=list(MIN_CELLS))
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", "Dropped .* sets")
    if arguments.data == "kept":
        report(shares(), "small_sets_kept", seeds=[0], accelerator="cpu")
        return
    rows = []
    for seed in arguments.seeds:
        for min_cells in arguments.min_cells:
            scores = DATA[arguments.data](min_cells, seed, arguments.steps)
            rows.append({"min_cells": min_cells, "seed": seed, **scores})
            print(rows[-1], flush=True)
    report(rows, arguments.name or f"small_sets_{arguments.data}")


if __name__ == "__main__":
    main()
