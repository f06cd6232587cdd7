from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde.sets._grouping import group_cells


@pytest.fixture
def obs() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    donor = rng.permutation(np.repeat(["d1", "d2", "d3", "d4"], [40, 30, 25, 5]))
    return pd.DataFrame(
        {
            "donor": donor,
            "day": rng.choice([2.0, 10.0], size=100),
            "sex": pd.Categorical(np.where(np.isin(donor, ["d1", "d3"]), "f", "m"), categories=["x", "m", "f"]),
            "age": np.where(donor == "d2", np.nan, pd.factorize(donor)[0].astype(float)),
            "score": rng.random(100),
            "assay": "10x",
        },
        index=[f"cell{i}" for i in range(100)],
    )


def test_group_cells_agrees_with_pandas_groupby(obs):
    grouping = group_cells(obs, ["donor", "day"], min_cells=4)
    expected = obs.groupby(["donor", "day"]).indices
    expected = {f"{donor}|{day:.0f}": cells for (donor, day), cells in expected.items() if len(cells) >= 4}
    assert list(grouping.table.index) == list(expected)
    for code, cells in enumerate(expected.values()):
        np.testing.assert_array_equal(np.flatnonzero(grouping.codes == code), cells)
    assert grouping.table["n_cells"].tolist() == [len(cells) for cells in expected.values()]
    assert grouping.codes.dtype == np.int64


def test_group_cells_table_has_constant_columns_only(obs):
    table = group_cells(obs, "donor", min_cells=1).table
    assert list(table) == ["donor", "n_cells", "sex", "age", "assay"]
    assert table.index.name == "set"
    expected = obs.groupby("donor")[["sex", "age"]].first()
    assert table["sex"].tolist() == expected["sex"].tolist()
    np.testing.assert_array_equal(table["age"], expected["age"])
    assert table["age"].dtype == float


def test_group_cells_drops_a_column_that_varies_in_one_cell_after_many():
    n = 30_000
    obs = pd.DataFrame({"set": np.tile(["a", "b"], n // 2), "constant": 1, "almost": 1})
    obs.loc[n - 1, "almost"] = 2
    assert list(group_cells(obs, "set").table) == ["set", "n_cells", "constant"]


def test_group_cells_ignores_variation_in_dropped_sets(obs):
    obs.loc[obs["donor"] == "d4", "assay"] = ["a", "b", "c", "d", "e"]
    assert "assay" in group_cells(obs, "donor", min_cells=10).table
    assert "assay" not in group_cells(obs, "donor", min_cells=5).table


def test_group_cells_takes_a_missing_value_as_a_value(obs):
    obs["sometimes"] = np.where(np.arange(100) % 2 == 0, 1.0, np.nan)
    assert "sometimes" not in group_cells(obs, "donor").table


def test_group_cells_reports_dropped_sets(obs):
    grouping = group_cells(obs, "donor", min_cells=10)
    assert list(grouping.table.index) == ["d1", "d2", "d3"]
    assert grouping.dropped["n_cells"].to_dict() == {"d4": 5}
    assert grouping.dropped["reason"].tolist() == ["fewer than 10 cells"]
    np.testing.assert_array_equal(grouping.codes == -1, obs["donor"] == "d4")


def test_group_cells_excludes_missing_groups_and_masked_cells(obs):
    obs.loc["cell0", "donor"] = None
    mask = obs["score"] > 0.2
    grouping = group_cells(obs, "donor", min_cells=1, mask=mask)
    np.testing.assert_array_equal(grouping.codes >= 0, mask & obs["donor"].notna())
    by_name = group_cells(obs.assign(keep=mask), "donor", min_cells=1, mask="keep")
    np.testing.assert_array_equal(by_name.codes, grouping.codes)


def test_group_cells_takes_missing_in_a_nullable_mask_as_false(obs):
    mask = pd.array([None, *[True] * 99], dtype="boolean")
    assert (group_cells(obs, "donor", min_cells=1, mask=mask).codes == -1).sum() == 1


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([10, 9, 100], ["9", "10", "100"]),
        ([1.5, -2.0, 0.25], ["-2", "0.25", "1.5"]),
        (np.array([0.1, 3, np.nan], dtype=np.float32), ["0.1", "3"]),
        (pd.array([3, None, 1], dtype="Int64"), ["1", "3"]),
        ([True, False, True], ["False", "True"]),
        (
            pd.Categorical(["mid", "low", "high"], ["low", "mid", "high", "unused"], ordered=True),
            ["low", "mid", "high"],
        ),
        (pd.Categorical([4.0, 2.0, np.nan]), ["2", "4"]),
        (np.array([2.0, 10.0, None], dtype=object), ["2", "10"]),
        (["b", None, "a"], ["a", "b"]),
    ],
)
def test_group_cells_orders_and_names_sets_naturally(values, names):
    table = group_cells(pd.DataFrame({"g": values}), "g", min_cells=1).table
    assert list(table.index) == names


def test_group_cells_is_equivariant_to_cell_order(obs):
    order = np.random.default_rng(1).permutation(100)
    first = group_cells(obs, ["sex", "donor"])
    second = group_cells(obs.iloc[order], ["sex", "donor"])
    np.testing.assert_array_equal(second.codes, first.codes[order])
    pd.testing.assert_frame_equal(second.table, first.table)


def test_group_cells_keeps_a_single_set(obs):
    assert len(group_cells(obs, "assay").table) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"groupby": "patient"}, KeyError, r"\['patient'\]. Columns: \['donor', 'day'"),
        ({"groupby": []}, ValueError, "at least one column"),
        ({"groupby": 3}, TypeError, "must be a column name or a list"),
        ({"groupby": ["donor", "donor"]}, ValueError, "each column once"),
        ({"groupby": "donor", "min_cells": 0}, ValueError, "`min_cells` must be at least 1, got 0"),
        ({"groupby": "donor", "min_cells": 2.5}, TypeError, "`min_cells` must be an integer"),
        ({"groupby": "donor", "min_cells": 41}, ValueError, "4 sets, all too small: the biggest has 40"),
        ({"groupby": "donor", "mask": np.zeros(100, bool)}, ValueError, "got none: every cell"),
        ({"groupby": "donor", "mask": np.ones(99, bool)}, ValueError, "got 99 values"),
        ({"groupby": "donor", "mask": "age"}, ValueError, "`mask` must be boolean"),
        ({"groupby": "donor", "mask": "keep"}, KeyError, "`mask` must name columns"),
    ],
)
def test_group_cells_raises_when_arguments_are_wrong(obs, arguments, error, message):
    with pytest.raises(error, match=message):
        group_cells(obs, **arguments)


def test_group_cells_counts_only_sets_that_are_large_enough(obs):
    sizes = obs["donor"].value_counts()
    threshold = int(sizes.max())
    assert (sizes == threshold).sum() == 1
    with pytest.raises(ValueError, match=f"At least 2 sets with `min_cells={threshold}` .* got 1 of {len(sizes)}"):
        group_cells(obs, "donor", min_cells=threshold, min_sets=2)
    assert len(group_cells(obs, "donor", min_cells=threshold).table) == 1


def test_group_cells_raises_when_two_sets_have_one_name():
    obs = pd.DataFrame({"a": ["x|y", "x"], "b": ["z", "y|z"]})
    with pytest.raises(ValueError, match=r"'x\|y\|z' stands for several groups"):
        group_cells(obs, ["a", "b"], min_cells=1)


def test_group_cells_raises_when_a_group_column_is_called_n_cells(obs):
    with pytest.raises(ValueError, match="must not contain 'n_cells'"):
        group_cells(obs.assign(n_cells=1), "n_cells")
