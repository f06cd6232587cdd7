from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

from scgde import pl
from scgde.pl._draw import COLORS


@pytest.fixture
def table() -> pd.DataFrame:
    """As of `tl.associate`, in no order."""
    return pd.DataFrame(
        {
            "n_sets": [20, 20, 10, 20],
            "adjusted_r2": [0.1, np.nan, -0.02, 0.3],
            "pseudobulk_r2": [0.12, np.nan, 0.01, 0.2],
            "p_value": [0.04, np.nan, 0.6, 0.001],
            "q_value": [0.06, np.nan, 0.6, 0.003],
            "note": ["", "no two values", "", ""],
        },
        index=pd.Index(["sex", "site", "age", "disease"], name="covariate"),
    )


def rows(ax) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels()]


def dots(ax):
    return next(c for c in ax.collections if isinstance(c, PathCollection))


def test_covariates_are_sorted_and_those_not_tested_come_last(table):
    ax = pl.associations(table, show=False)
    assert rows(ax) == ["disease", "sex", "age", "site"]
    assert [text.get_text() for text in ax.texts] == ["not tested: no two values"]


def test_a_dot_is_the_adjusted_share_and_a_diamond_that_of_means(table):
    ax = pl.associations(table, show=False)
    np.testing.assert_allclose(np.ma.filled(dots(ax).get_offsets()[:3, 0], np.nan), [0.3, 0.1, -0.02])
    _, diamonds = [c for c in ax.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose(diamonds.get_offsets()[:3, 0], [0.2, 0.12, 0.01])


@pytest.mark.parametrize(("level", "n_filled"), [(0.05, 1), (0.1, 2)])
def test_dots_are_filled_where_the_q_value_is_at_most_the_level(table, level, n_filled):
    ax = pl.associations(table, level=level, show=False)
    faces = dots(ax).get_facecolor()[:, :3]
    assert [tuple(face) == to_rgb(COLORS[0]) for face in faces] == [True] * n_filled + [False] * (4 - n_filled)
    assert f"q ≤ {level:g}" in ax.get_legend().get_texts()[0].get_text()


def test_areas_grow_with_the_sets_that_have_a_value(table):
    ax = pl.associations(table, show=False)
    largest, _, fewer, _ = dots(ax).get_sizes()
    assert fewer == pytest.approx(largest / 2)
    assert ax.get_title("left") == "10 to 20 sets with a value"


def test_associations_draws_without_means_in_given_axes(table):
    _, ax = plt.subplots()
    assert pl.associations(table.drop(columns="pseudobulk_r2"), ax=ax, title="mine", show=False) is ax
    assert "means of the sets" not in [text.get_text() for text in ax.get_legend().get_texts()]
    assert pl.associations(table, legend=False, show=False).get_legend() is None


def test_other_tables_are_refused(table):
    with pytest.raises(ValueError, match=r"`table` must be a result of `scgde.tl.associate`"):
        pl.associations(table.drop(columns="q_value"))
    with pytest.raises(ValueError, match="got 0 without"):
        pl.associations(table.iloc[:0])
    with pytest.raises(ValueError, match="`level` must be a number in"):
        pl.associations(table, level=2)
