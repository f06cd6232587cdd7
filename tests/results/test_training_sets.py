from __future__ import annotations

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
    return cells, TrainingSets.of(model, cells, sets)


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
