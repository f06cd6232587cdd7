"""Every verb that reads a fit, as numbers that can be compared; and whether it reads features of cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from scgde import get, pl, tl

if TYPE_CHECKING:
    from collections.abc import Callable

    import anndata as ad

A, B = "d02", "d05"


class Verb(NamedTuple):
    """What is called, and what it reads besides embeddings: ``"features"``, ``"drawn"`` ones, ``"labels"``."""

    call: Callable[[ad.AnnData], Any]
    reads: tuple[str, ...] = ()


def _sets(adata: ad.AnnData) -> pd.DataFrame:
    sets = get.sets(adata)
    return pd.DataFrame(sets.X, index=sets.obs_names).assign(disease=sets.obs["disease"].astype(str))


def _generated(adata: ad.AnnData) -> np.ndarray:
    return tl.generate(adata, [A], n_cells=4).X


def _interpolated(adata: ad.AnnData) -> np.ndarray:
    return tl.interpolate(adata, A, B, n_steps=3, n_cells=4).X


def _uncertainty(adata: ad.AnnData) -> pd.DataFrame:
    tl.uncertainty(adata)
    content = adata.uns["gde"]
    return pd.DataFrame(content["standard_error"], index=content["sets"].index)


def _compared(adata: ad.AnnData) -> np.ndarray:
    return tl.compare_sets(adata, A, B, n_components=1).difference


def _convergence(adata: ad.AnnData) -> float:
    tl.convergence(adata, sets=A, sizes=[10], n_draws=10)
    return float(adata.uns["gde"]["convergence"]["predicted"].mean())


def _groups(adata: ad.AnnData) -> float:
    return tl.compare_groups(adata, "disease", n_permutations=9).statistic


def _associated(adata: ad.AnnData) -> float:
    return float(tl.associate(adata, ["disease", "age"], n_permutations=9, baselines=False).loc["disease", "r2"])


def _classified(adata: ad.AnnData) -> pd.DataFrame:
    tl.classify(adata, "disease", n_splits=0)
    return adata.uns["gde"]["sets"].filter(like="disease_probability")


def _composition(adata: ad.AnnData) -> pd.Series:
    report = tl.classify(adata, "disease", n_splits=2, n_repeats=1)
    return report.set_index(["representation", "score"])["value"]


def _evaluated(adata: ad.AnnData) -> float:
    return float(
        tl.evaluate_embedding(adata, label_key="disease", n_permutations=9, n_draws=9, baselines=False)["value"].iloc[0]
    )


def _explained(adata: ad.AnnData) -> float:
    return tl.explain(adata, A, B, n_cells=1000, n_steps=2).total


def _drawn(adata: ad.AnnData) -> pd.DataFrame:
    ax = pl.embedding(adata, basis=None, show=False)
    plt.close("all")
    return pd.DataFrame(np.asarray(ax.collections[0].get_offsets()), index=get.sets(adata).obs_names)


def _drawn_over(adata: ad.AnnData) -> np.ndarray:
    axes = pl.generated(adata, tl.generate(adata, [A], n_cells=4), basis=None, show=False)
    plt.close("all")
    return _in_any_order(np.asarray(axes[0].collections[0].get_offsets()))


def _distances(metric: str, **options: Any) -> Callable[[ad.AnnData], pd.DataFrame]:
    return lambda adata: tl.distances(adata, metric=metric, **options)


def _all_compared(adata: ad.AnnData) -> np.ndarray:
    table = tl.compare_all_sets(adata, n_components=1)
    return table["statistic"][table["a"].isin([A, B]) & table["b"].isin([A, B])].to_numpy()


def _transported(adata: ad.AnnData) -> np.ndarray:
    return _in_any_order(tl.transport(adata, A, B, key="gde").X)


def _forecast(adata: ad.AnnData) -> np.ndarray:
    return _in_any_order(tl.forecast(adata, A, n_draws=2, key="gde").X)


def _in_any_order(cells: np.ndarray) -> np.ndarray:
    return np.sort(cells, axis=0)


VERBS = {
    "get.sets": Verb(_sets, ("labels",)),
    "generate": Verb(_generated),
    "interpolate": Verb(_interpolated),
    "distances": Verb(_distances("embedding")),
    "distances between cells": Verb(_distances("energy", n_cells=1000), ("features",)),
    "uncertainty": Verb(_uncertainty, ("features",)),
    "convergence": Verb(_convergence, ("features",)),
    "compare_groups": Verb(_groups, ("labels",)),
    "associate": Verb(_associated, ("labels",)),
    "classify": Verb(_classified, ("labels", "features")),
    "classify with baselines": Verb(_composition, ("labels", "features")),
    "evaluate_embedding": Verb(_evaluated, ("labels",)),
    "explain": Verb(_explained, ("features",)),
    "pl.embedding": Verb(_drawn),
    "pl.generated": Verb(_drawn_over, ("drawn",)),
    "compare_sets": Verb(_compared),
    "compare_all_sets": Verb(_all_compared),
}

#: Of a fit of transports.
TRANSPORT_VERBS = {
    "transport": Verb(_transported, ("features",)),
    "forecast": Verb(_forecast, ("features",)),
}
