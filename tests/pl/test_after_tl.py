"""Every figure directly after the function whose result it draws, with the defaults of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from scgde import datasets, pl, pp, tl

if TYPE_CHECKING:
    import anndata as ad

#: By fit: the function of `tl`, the figure, and both calls.
WALKS: dict[str, list[tuple[str, str, Any]]] = {
    "donors": [
        ("fit_gde", "history", lambda a: pl.history(a)),
        ("fit_gde", "embedding", lambda a: pl.embedding(a)),
        ("fit_gde", "composition", lambda a: pl.composition(a, "cell_type")),
        ("uncertainty", "uncertainty", lambda a: [tl.uncertainty(a), pl.uncertainty(a)][1]),
        ("convergence", "convergence", lambda a: [tl.convergence(a), pl.convergence(a)][1]),
        ("distances", "distances", lambda a: [tl.distances(a), pl.distances(a)][1]),
        (
            "classify",
            "classification",
            lambda a: [tl.classify(a, "composition"), pl.classification(a, "composition")][1],
        ),
        ("generate", "generated", lambda a: pl.generated(a, tl.generate(a))),
        ("interpolate", "interpolation", lambda a: pl.interpolation(a, tl.interpolate(a, *two_sets(a)))),
        ("interpolate", "genes", lambda a: pl.genes(a, tl.interpolate(a, *two_sets(a)))),
        ("score_generation", "scores", lambda a: pl.scores(tl.score_generation(a))),
        ("compare_groups", "groups", lambda a: pl.groups(tl.compare_groups(a, "composition"))),
        ("associate", "associations", lambda a: pl.associations(tl.associate(a))),
        ("explain", "explain", lambda a: pl.explain(tl.explain(a, *two_sets(a)))),
    ],
    "counts": [
        ("generate", "counts", lambda a: pl.counts(a, tl.generate(a))),
        ("generate", "generated", lambda a: pl.generated(a, tl.generate(a))),
        ("interpolate", "interpolation", lambda a: pl.interpolation(a, tl.interpolate(a, *two_sets(a)))),
        ("interpolate", "genes", lambda a: pl.genes(a, tl.interpolate(a, *two_sets(a)))),
        ("explain", "explain", lambda a: pl.explain(tl.explain(a, *two_sets(a)))),
    ],
    "words": [
        ("generate", "sequences", lambda a: pl.sequences(a, tl.generate(a))),
        ("score_generation", "scores", lambda a: pl.scores(tl.score_generation(a))),
    ],
    "clones": [
        ("fit_tde", "history", lambda a: pl.history(a, key="tde")),
        ("fit_tde", "embedding", lambda a: pl.embedding(a, key="tde")),
        ("transport", "transport", lambda a: pl.transport(a, tl.transport(a, *a_pair(a)))),
        ("forecast", "transport", lambda a: pl.transport(a, tl.forecast(a, a_pair(a)[0], to=4))),
        ("evaluate_transport", "scores", lambda a: pl.scores(tl.evaluate_transport(a))),
        ("distances", "distances", lambda a: [tl.distances(a, key="tde"), pl.distances(a, key="tde")][1]),
    ],
    "screen": [
        ("fit_tde", "perturbations", lambda a: pl.perturbations(a)),
    ],
}
#: Takes several seconds.
SLOW = {"classification": [pytest.mark.slow]}
CASES = [
    pytest.param(fit, draw, id=f"{fit}-{of}-{by}", marks=SLOW.get(by, []))
    for fit, walks in WALKS.items()
    for of, by, draw in walks
]
#: Of fits that have not converged.
pytestmark = [
    pytest.mark.filterwarnings("ignore:A simple description of a set"),
    pytest.mark.filterwarnings("ignore:The model does not explain"),
    pytest.mark.filterwarnings("ignore:The generator ignores"),
]


def two_sets(adata: ad.AnnData) -> list[str]:
    return adata.uns["gde"]["sets"].index[:2].tolist()


def a_pair(adata: ad.AnnData) -> list[str]:
    return adata.uns["tde"]["pairs"][["source", "target"]].iloc[0].tolist()


def donors(tiny, **options) -> ad.AnnData:
    adata = datasets.cohort(20, n_genes=30, n_cells=(20, 40), n_batches=1, seed=0)
    tl.fit_gde(adata, "donor", **{**tiny, **options})
    return adata


def counts(tiny) -> ad.AnnData:
    return donors(tiny, cells="counts", layer="counts")


def words(tiny) -> ad.AnnData:
    adata = datasets.sequence_multinomial_sets(12, 30, seed=0)
    pp.tokenize(adata, "sequence")
    tl.fit_gde(adata, "set", use_rep="X_tokens", **{**tiny, "generator_kwargs": {"n_hidden": 16, "n_layers": 1}})
    return adata


def clones(tiny) -> ad.AnnData:
    adata = datasets.clones(30, paired_fraction=0.5, n_features=4, seed=0)
    tl.fit_tde(adata, "clone", time_key="time", **of_transport(tiny))
    return adata


def screen(tiny) -> ad.AnnData:
    adata = datasets.perturbations(n_singles=8, n_doubles=12, n_cells=30, n_control=80, n_features=4, seed=0)
    is_held_out = adata.obs["perturbation"].isin(adata.obs["perturbation"].cat.categories[-4:])
    adata.obs["split"] = np.where(
        is_held_out & adata.obs["perturbation"].str.contains("+", regex=False), "test", "train"
    )
    pairs = pp.perturbation_pairs(adata, "perturbation", "control")
    tl.fit_tde(adata, "perturbation", pairs=pairs, split_key="split", **of_transport(tiny))
    return adata


def of_transport(tiny) -> dict[str, Any]:
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    return {**options, "min_cells": 1, "transport_kwargs": tiny["generator_kwargs"]}


FITS = {fit.__name__: fit for fit in (donors, counts, words, clones, screen)}


@pytest.fixture(scope="module")
def fitted(request, tiny) -> ad.AnnData:
    return FITS[request.param](tiny)


@pytest.mark.parametrize(("fitted", "draw"), CASES, indirect=["fitted"])
def test_a_figure_follows_from_a_result(fitted, draw):
    drawn = draw(fitted.copy())
    axes = drawn if isinstance(drawn, list) else [drawn]
    assert all(isinstance(ax, Axes) for ax in axes)
    assert any(ax.has_data() or ax.texts for ax in axes)
    axes[0].figure.draw_without_rendering()


def test_every_figure_is_walked():
    assert {by for walks in WALKS.values() for _, by, _ in walks} == set(pl.__all__)
