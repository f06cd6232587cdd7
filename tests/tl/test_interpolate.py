from __future__ import annotations

import numpy as np
import pytest

from scgde import tl
from scgde.tl._interpolate import interpolate_linearly


@pytest.fixture
def ends(fitted):
    return fitted.uns["gde"]["sets"].index[[0, 3]].tolist()


def test_interpolate_starts_and_ends_at_the_cells_of_the_sets(fitted, ends):
    path = tl.interpolate(fitted, *ends, n_steps=3, n_cells=5, seed=2)
    first, last = (path.X[path.obs["t"] == t] for t in (0, 1))
    np.testing.assert_allclose(first, tl.generate(fitted, ends[0], n_cells=5, seed=2).X, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(last, tl.generate(fitted, ends[1], n_cells=5, seed=2).X, rtol=1e-5, atol=1e-5)


def test_interpolate_changes_each_cell_smoothly(fitted, ends):
    path = tl.interpolate(fitted, *ends, n_steps=21, n_cells=8)
    steps = path.X.reshape(21, 8, -1)
    largest_step = np.abs(np.diff(steps, axis=0)).max()
    between_cells = np.abs(np.diff(steps, axis=1)).mean()
    assert largest_step < between_cells
    assert path.obs["cell"].tolist() == list(range(8)) * 21


def test_interpolate_passes_the_sets_between_the_ends(fitted, ends):
    middle = fitted.uns["gde"]["sets"].index[1]
    path = tl.interpolate(fitted, *ends, via=[middle], n_steps=3, n_cells=4)
    expected = tl.generate(fitted, middle, n_cells=4).X
    np.testing.assert_allclose(path.X[path.obs["t"] == 0.5], expected, rtol=1e-5, atol=1e-5)


def test_interpolate_flags_what_is_far_from_every_set(fitted, ends):
    path = tl.interpolate(fitted, *ends, interval=(0, 100), n_steps=2, n_cells=2)
    assert path.obs.groupby("t")["in_support"].first().tolist() == [True, False]


def test_interpolate_remembers_the_sets_through_a_file(fitted, ends, round_trip):
    path = round_trip(tl.interpolate(fitted, *ends, via=[ends[1]], n_steps=2, n_cells=2))
    assert path.uns["path"]["key"] == "gde"
    assert list(path.uns["path"]["sets"]) == [ends[0], ends[1], ends[1]]


def test_interpolate_takes_training_sets_for_the_support(fitted, ends):
    table = fitted.uns["gde"]["sets"]
    inside = tl.interpolate(fitted, *ends, n_steps=2, n_cells=1).obs["in_support"]
    assert inside.iloc[0]
    far = fitted.uns["gde"]["embedding"]
    far[0] += 100 * np.abs(far).max()
    held_out = table["split"].astype(str).where(table.index != ends[0], "test")
    fitted.uns["gde"]["sets"] = table.assign(split=held_out.astype("category"))
    assert not tl.interpolate(fitted, *ends, n_steps=2, n_cells=1).obs["in_support"].iloc[0]
    fitted.uns["gde"]["sets"] = table.drop(columns="split")
    assert tl.interpolate(fitted, *ends, n_steps=2, n_cells=1).obs["in_support"].iloc[0]


def test_interpolate_takes_all_sets_for_the_support_where_they_were_embedded_only(fitted, cells, ends):
    """Also where the user has a column ``split`` with another meaning."""
    code = cells.obs["set"].cat.codes
    cells.X[(code == 0).to_numpy()] += 1000
    cells.obs["split"] = np.where(code == 0, "test", "train")
    tl.embed(cells, fitted)
    assert tl.interpolate(cells, *ends, n_steps=2, n_cells=1).obs["in_support"].all()


def test_interpolate_names_an_unknown_set(fitted, ends):
    with pytest.raises(KeyError, match="must name fitted sets"):
        tl.interpolate(fitted, ends[0], "nobody")


def test_interpolate_refuses_an_interval_that_does_not_increase(fitted, ends):
    with pytest.raises(ValueError, match="`interval` must be finite and in increasing order"):
        tl.interpolate(fitted, *ends, interval=(1, 0))


def test_interpolate_linearly_is_a_broken_line_with_prolonged_ends():
    knots = np.array([[0.0], [2.0], [3.0]])
    np.testing.assert_allclose(
        interpolate_linearly(knots, np.array([-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5]))[:, 0], [-2, 0, 1, 2, 2.5, 3, 4]
    )
