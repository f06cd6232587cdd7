from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from scgde import tl

TINY = {
    "max_steps": 5,
    "sets_per_batch": 4,
    "set_size": 16,
    "progress_bar": False,
    "predictor": None,
    "encoder_kwargs": {"n_hidden": 16},
    "transport_kwargs": {"backbone_kwargs": {"n_hidden": 16, "n_layers": 1}},
}


def lines(n_sets, n_cells=12):
    """Cell lines whose means and widths differ, at rest; every other one is treated, too."""
    rng = np.random.default_rng(0)
    line = np.repeat(np.arange(n_sets), n_cells)
    x = rng.normal(size=(n_sets, 3))[line] * 3
    x += rng.uniform(0.3, 1.5, n_sets)[line, None] * rng.standard_normal((len(line), 3))
    obs = pd.DataFrame({"line": [f"l{i:03d}" for i in line]}, index=[f"c{i}" for i in range(len(line))])
    return AnnData(x.astype(np.float32), obs=obs)


@pytest.mark.parametrize(
    ("n_sets", "options", "expected"),
    [(170, {}, True), (230, {}, False), (10, {"moments": False}, False), (10, {"condition": "lookup"}, False)],
)
def test_few_training_sets_have_moments_by_default(n_sets, options, expected):
    model = tl.fit_tde(lines(n_sets), "line", **{**TINY, **options})
    assert (model.module.core is not None) == expected
    assert model.config["moments"] == expected


def test_moments_need_both_embeddings():
    adata = lines(10)
    pairs = [("l000", "l001"), ("l002", "l003")]
    assert tl.fit_tde(adata, "line", pairs=pairs, condition="source", **TINY).module.core is None
    before = set(adata.uns["tde"])
    with pytest.raises(ValueError, match='`moments` must be False unless `condition` is "both"'):
        tl.fit_tde(adata, "line", pairs=pairs, condition="source", moments=True, **TINY)
    assert set(adata.uns["tde"]) == before


def test_cells_go_where_an_unseen_target_lies_from_the_first_step_on():
    adata = lines(20)
    model = tl.fit_tde(adata, "line", **{**TINY, "max_steps": 1})
    rng = np.random.default_rng(1)
    near = adata.X[:12]
    far = (np.array([30.0, -20.0, 0.0]) + 0.5 * rng.standard_normal((200, 3))).astype(np.float32)
    ends = [model.embed(x, np.zeros(len(x), dtype=int)) for x in (near, far)]
    start, half, end = model.transport(near, np.zeros(12, dtype=int), *ends, times=[0.0, 0.5, 1.0])
    np.testing.assert_allclose(start, near, atol=1e-3)
    np.testing.assert_allclose(end.mean(axis=0), far.mean(axis=0), atol=1.0)
    np.testing.assert_allclose(half.mean(axis=0), (near.mean(axis=0) + far.mean(axis=0)) / 2, atol=1.0)
    np.testing.assert_allclose(end.std(axis=0), 0.5, atol=0.35)


def test_identity_is_preserved_also_between_frames():
    adata = lines(12)
    options = {**TINY["transport_kwargs"], "preserve_identity": True}
    model = tl.fit_tde(adata, "line", **{**TINY, "transport_kwargs": options})
    x = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32) * 4
    z = model.embed(x, np.zeros(30, dtype=int))
    np.testing.assert_allclose(model.transport(x, np.zeros(30, dtype=int), z, z)[0], x, atol=1e-3)


def test_moments_of_a_transport_travel_with_the_file():
    adata = lines(10)
    model = tl.fit_tde(adata, "line", **TINY)
    loaded = type(model).from_stored(model.to_stored())
    codes = np.repeat([0, 1], 12)
    z = model.embed(adata.X[:24], codes)
    found = loaded.transport(adata.X[:24], codes, z, z[::-1])
    np.testing.assert_allclose(found, model.transport(adata.X[:24], codes, z, z[::-1]), atol=1e-6)
