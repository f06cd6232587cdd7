import numpy as np
import pandas as pd
import pytest

from scgde import tl
from scgde.sets._set_groups import name_of_set, rows_of_sets, set_groups


@pytest.fixture
def labelled(fitted):
    """Sets with a label that was added after the fit."""
    number = fitted.obs["gde_set"].cat.codes
    fitted.obs["status"] = np.where(number < 0, None, np.where(number % 2, "ill", "healthy"))
    return fitted


def means(adata):
    number = np.arange(len(adata.uns["gde"]["sets"]))
    return {
        name: adata.uns["gde"]["embedding"][number % 2 == i].mean(axis=0) for i, name in enumerate(["healthy", "ill"])
    }


def test_group_has_all_sets_with_its_value(labelled):
    (group,) = set_groups(labelled, {"status": "ill"}, "`sets`", "gde")
    assert group.name == "status=ill"
    assert (group.rows % 2 == 1).all()
    assert len(group.rows) == len(labelled.uns["gde"]["sets"]) // 2


def test_group_of_several_values_has_the_sets_of_each(labelled):
    (group,) = set_groups(labelled, {"status": ["ill", "healthy"]}, "`sets`", "gde")
    assert len(group.rows) == len(labelled.uns["gde"]["sets"])


def test_generated_group_is_that_of_its_mean_embedding(labelled):
    cells = tl.generate(labelled, {"status": "ill"}, n_cells=5)
    expected = tl.generate(labelled, means(labelled)["ill"][None], n_cells=5)
    np.testing.assert_array_equal(cells.X, expected.X)
    assert set(cells.obs["set"]) == {"status=ill"}


def test_interpolation_of_groups_begins_and_ends_at_their_means(labelled):
    path = tl.interpolate(labelled, {"status": "healthy"}, {"status": "ill"}, n_steps=2, n_cells=5)
    for i, name in enumerate(["healthy", "ill"]):
        expected = tl.generate(labelled, means(labelled)[name][None], n_cells=5)
        np.testing.assert_array_equal(path.X[5 * i : 5 * i + 5], expected.X)
    assert path.uns["path"]["sets"].tolist() == ["status=healthy", "status=ill"]
    assert sorted(path.uns["path"]["members"]["set"]) == sorted(labelled.uns["gde"]["sets"].index)


def test_explanation_by_value_is_that_of_the_sets_with_it(labelled):
    names = labelled.uns["gde"]["sets"].index
    options = {"n_cells": 50, "n_steps": 2}
    by_value = tl.explain(labelled, "status", "healthy", "ill", **options)
    by_group = tl.explain(labelled, {"status": "healthy"}, {"status": "ill"}, **options)
    by_name = tl.explain(labelled, names[::2].tolist(), names[1::2].tolist(), **options)
    assert by_value.total == by_group.total == by_name.total
    assert by_value.names == ("status=healthy", "status=ill")
    assert by_value.sets == by_name.sets


def test_wrong_values_and_columns_are_answered_with_those_that_are_there(labelled):
    with pytest.raises(ValueError, match=r"must be values of 'status', got 'il'.*Did you mean 'ill'\?"):
        tl.explain(labelled, "status", "healthy", "il")
    with pytest.raises(KeyError, match=r"got 'statu'.*Did you mean 'status'\?"):
        tl.generate(labelled, {"statu": "ill"})
    with pytest.raises(
        KeyError, match=r"must name fitted sets, got \['ill'\].*For sets by value, pass \{'status': 'ill'\}"
    ):
        tl.generate(labelled, "ill")
    with pytest.raises(KeyError, match="must name fitted sets"):
        tl.interpolate(labelled, {"status": "ill"}, "none")
    labelled.obs["other"] = np.where(labelled.obs["status"] == "ill", "x", "y")
    with pytest.raises(ValueError, match="values that some set has"):
        tl.generate(labelled, {"status": "ill", "other": "y"})
    with pytest.raises(TypeError, match="compares two sides"):
        tl.explain(labelled, "status")
    with pytest.raises(ValueError, match="must not share sets"):
        tl.explain(labelled, "status", "ill", ["ill", "healthy"])


def test_rows_of_sets_keep_the_order_of_what_is_asked_for(labelled):
    names = labelled.uns["gde"]["sets"].index
    assert rows_of_sets(labelled, [names[3], names[1]], "`sets`", "gde").tolist() == [3, 1]
    assert rows_of_sets(labelled, [{"status": "ill"}, names[0]], "`sets`", "gde").tolist() == [1, 3, 5, 7, 9, 0]


def test_scores_of_a_group_are_those_of_its_sets(labelled):
    names = labelled.uns["gde"]["sets"].index[1::2].tolist()
    by_value, by_name = (tl.score_generation(labelled, sets=sets) for sets in ({"status": "ill"}, names))
    pd.testing.assert_frame_equal(by_value, by_name)


def test_two_sets_are_compared_by_values_that_one_set_has(labelled):
    tl.uncertainty(labelled)
    names = labelled.uns["gde"]["sets"].index
    by_value = tl.compare_sets(labelled, {"set": names[0]}, names[1])
    assert by_value.p_value == tl.compare_sets(labelled, names[0], names[1]).p_value
    assert name_of_set(labelled, {"set": names[0], "status": "healthy"}, "`a`", "gde") == names[0]
    with pytest.raises(ValueError, match=r"one set each, but 5 sets have the values .*compare_groups"):
        tl.compare_sets(labelled, {"status": "ill"}, names[0])
