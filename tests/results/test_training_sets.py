from __future__ import annotations

import anndata as ad
import numpy as np
import pytest

from scgde import datasets, tl
from scgde.data import CellSets
from scgde.results import _generation_scores
from scgde.results._generation_scores import TrainingSets
from scgde.sets import group_cells


@pytest.fixture(scope="module")
def fitted():
    adata = datasets.gaussian_sets(6, (20, 30), 3, seed=0)
    options = {"max_steps": 2, "validation_fraction": 0.0, "progress_bar": False}
    return adata, tl.fit_gde(adata, "set", **options)


def training_sets(fitted, sets):
    adata, model = fitted
    cells = CellSets.from_grouping(adata, group_cells(adata.obs, "set"), model.representation)
    return cells, TrainingSets.of(model.ground, cells, sets)


def test_draws_are_cells_of_the_sets_that_they_name(fitted):
    adata, model = fitted
    cells, train = training_sets(fitted, np.array([4, 1]))
    drawn = train.draw(1000, np.random.default_rng(0))
    assert len(drawn.cells) == cells.index.sizes[[4, 1]].sum()
    for position, i in enumerate((4, 1)):
        own = np.sort(drawn.cells[drawn.sets == position], axis=0)
        np.testing.assert_array_equal(own, np.sort(model.ground(adata.X[cells.index.rows(i)]), axis=0))
        np.testing.assert_allclose(train.means[position], own.mean(axis=0))
        np.testing.assert_array_equal(np.sort(train.draw_of_set(position, 99, np.random.default_rng(0)), axis=0), own)


def test_no_more_cells_are_read_than_are_drawn(fitted, monkeypatch):
    monkeypatch.setattr(_generation_scores, "_MAX_CELLS_PER_SET", 5)
    _, train = training_sets(fitted, np.arange(6))
    read = []
    train = train._replace(read=lambda rows: read.append(len(rows)) or np.zeros((len(rows), 3)))
    train.draw(8, np.random.default_rng(0))
    train.draw_of_set(2, 100, np.random.default_rng(0))
    assert read == [8, 5]


def test_nearest_set_has_two_cells_where_there_is_one(fitted):
    _, train = training_sets(fitted, np.arange(6))
    seen = train.read(train.rows[train.sets == 3])
    alone = train._replace(rows=train.rows[train.sets != 3], sets=train.sets[train.sets != 3])
    alone = alone._replace(rows=np.append(alone.rows, train.rows[train.sets == 3][0]), sets=np.append(alone.sets, 3))
    assert len(train.draw_nearest(seen, 99, np.random.default_rng(0))) == (train.sets == 3).sum()
    assert len(alone.draw_nearest(seen, 99, np.random.default_rng(0))) > 1


@pytest.mark.parametrize("n_training_cells", [1, 2])
def test_a_fit_to_tiny_sets_is_compared_with_baselines(fit, n_training_cells):
    sizes = np.repeat([n_training_cells, 12], [8, 3])
    codes = np.repeat(np.arange(11), sizes)
    x = np.random.default_rng(0).normal(size=(len(codes), 3)).astype(np.float32)
    adata = ad.AnnData(x, obs={"set": [f"s{i:02d}" for i in codes], "part": np.where(codes < 8, "train", "validation")})
    fit(adata, "set", min_cells=1, split_key="part")
    scores = tl.score_generation(adata)
    assert np.isfinite(scores["generated"]).all()
    assert scores["nearest"].isna().all() == (n_training_cells == 1)
