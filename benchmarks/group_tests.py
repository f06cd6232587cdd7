"""How often does a test of two groups of donors reject where they do not differ?

12 donors of 60 cells in ten dimensions, whose means vary with a standard deviation of 0.3, 6 against 6. Labels are
permuted over cells, as is often done, or over donors. Also: the power against a difference between the groups.
The GDE is fitted once, on 200 other donors, and embeds the donors of every simulation.

    python benchmarks/group_tests.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy import stats
from scipy.spatial.distance import squareform

import scgde
from _common import parser, report, timed

if TYPE_CHECKING:
    from collections.abc import Callable

N_DONORS, N_CELLS, N_DIMS, DONOR_SD, LEVEL = 12, 60, 10, 0.3, 0.05
#: Of the second group along every dimension, where the groups differ.
EFFECT = 0.2
CODES = np.repeat(np.arange(N_DONORS), N_CELLS)
GROUP = np.repeat(["a", "b"], N_DONORS // 2)


def cells(rng: np.random.Generator, n_donors: int = N_DONORS) -> np.ndarray:
    """Cells of donors, one donor after the other."""
    donors = DONOR_SD * rng.normal(size=(n_donors, N_DIMS))
    return np.repeat(donors, N_CELLS, axis=0) + rng.normal(size=(n_donors * N_CELLS, N_DIMS))


def reference_fit(steps: int, seed: int) -> tuple[scgde.model.GDE, float]:
    """A model of other donors of the kind."""
    x = cells(np.random.default_rng(10_000 + seed), 200)
    obs = pd.DataFrame({"donor": np.repeat([f"r{i:03d}" for i in range(200)], N_CELLS)})
    adata = ad.AnnData(x.astype(np.float32), obs=obs.set_index(obs.index.astype(str)))
    record: dict = {}
    with timed(record):
        model = scgde.tl.fit_gde(adata, "donor", max_steps=steps, n_latent=16, seed=seed, progress_bar=False)
    return model, record["seconds"]


def means(x: np.ndarray) -> np.ndarray:
    return x.reshape(N_DONORS, N_CELLS, N_DIMS).mean(axis=1)


def moments(x: np.ndarray) -> np.ndarray:
    by_donor = x.reshape(N_DONORS, N_CELLS, N_DIMS)
    return np.concatenate([by_donor.mean(axis=1), by_donor.std(axis=1)], axis=1)


def energy(x: np.ndarray) -> np.ndarray:
    """Energy distances between the donors; their roots are distances."""
    by_donor, pairs = x.reshape(N_DONORS, N_CELLS, N_DIMS), zip(*np.triu_indices(N_DONORS, 1), strict=True)
    return squareform([scgde.metrics.energy_distance(by_donor[i], by_donor[j]) ** 0.5 for i, j in pairs])


def p_value(values: np.ndarray, statistic: str, *, distances: bool = False, unit: str = "donors") -> float:
    group = GROUP if unit == "donors" else GROUP[CODES]
    obs = pd.DataFrame({"group": group}, index=[str(i) for i in range(len(group))])
    sets = ad.AnnData(None if distances else values, obs=obs, obsp={"energy": values} if distances else {})
    metric = "energy" if distances else "embedding"
    options = {"statistic": statistic, "metric": metric, "n_permutations": 199, "key": None}
    return scgde.tl.compare_groups(sets, "group", **options).p_value


def rejected(test: Callable[[np.ndarray], float], n: int, *, shift: float) -> tuple[int, float]:
    """Number of simulations at or under the level, and its share."""
    found = 0
    for seed in range(n):
        x = cells(np.random.default_rng(seed))
        x[CODES >= N_DONORS // 2] += shift
        found += test(x) <= LEVEL
    return found, found / n


def main() -> None:
    options = parser(__doc__, steps=300)
    options.add_argument("--simulations", type=int, default=200)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    n = arguments.simulations

    model, seconds = reference_fit(arguments.steps, 0)
    donors = np.arange(N_DONORS).repeat(N_CELLS)
    tests: dict[tuple[str, str, str], Callable[[np.ndarray], float]] = {
        ("cells", "none", "energy"): lambda x: p_value(x, "energy", unit="cells")
    }
    for statistic in ("energy", "permanova"):
        tests |= {
            ("donors", "means", statistic): lambda x, s=statistic: p_value(means(x), s),
            ("donors", "means + sd", statistic): lambda x, s=statistic: p_value(moments(x), s),
            ("donors", "GDE", statistic): lambda x, s=statistic: p_value(model.embed(x, donors), s),
            ("donors", "energy distances", statistic): lambda x, s=statistic: p_value(energy(x), s, distances=True),
        }
    rows = []
    for (unit, embedding, statistic), test in tests.items():
        n_rejected, share = rejected(test, n, shift=0.0)
        interval = stats.binomtest(n_rejected, n).proportion_ci()
        rows.append(
            {
                "permuted": unit,
                "embedding": embedding,
                "statistic": statistic,
                "rejected": share,
                "low": round(interval.low, 3),
                "high": round(interval.high, 3),
                "power": rejected(test, n, shift=EFFECT)[1],
            }
        )
    report(rows, arguments.name or "group_tests", seeds=list(range(n)))
    print(f"the GDE was fitted once, in {seconds} s")


if __name__ == "__main__":
    main()
