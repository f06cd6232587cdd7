from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from scgde import pl


@pytest.fixture
def comparison():
    """As of `tl.compare_groups`, with pairs."""
    rng = np.random.default_rng(0)
    group = pd.Categorical(["before", "then"] * 6)
    table = pd.DataFrame(
        {"x": rng.normal(size=12), "y": rng.normal(size=12), "group": group, "pair": np.arange(12) // 2}
    )
    return SimpleNamespace(
        statistic=3.2,
        p_value=0.0123,
        effect_size=0.21,
        n_permutations=64,
        exact=True,
        n_sets={"before": 6, "then": 6},
        null=rng.chisquare(2, size=64),
        coordinates=table,
    )


def test_groups_draws_each_set_and_each_pair(comparison):
    left, _ = pl.groups(comparison, show=False)
    table = comparison.coordinates
    (lines,) = [c for c in left.collections if isinstance(c, LineCollection)]
    drawn = np.concatenate([c.get_offsets() for c in left.collections if c is not lines])
    expected = table[["x", "y"]].to_numpy()
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(expected, axis=0))
    np.testing.assert_allclose(lines.get_segments()[2], expected[4:6])
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["before (6 sets)", "then (6 sets)"]


def test_groups_without_pairs_has_no_lines(comparison):
    comparison.coordinates = comparison.coordinates.drop(columns="pair")
    (ax,) = pl.groups(comparison, kinds="sets", show=False)
    assert not [c for c in ax.collections if isinstance(c, LineCollection)]


def test_groups_draws_the_null_and_the_statistic(comparison):
    (ax,) = pl.groups(comparison, kinds="null", show=False)
    assert sum(bar.get_height() for bar in ax.patches) == 64
    assert ax.lines[0].get_xdata()[0] == 3.2
    assert ax.get_title("left") == "p = 0.012 (all 64 permutations)"


def test_groups_takes_perfect_groups(comparison):
    comparison.statistic, comparison.null[:3] = np.inf, np.inf
    (ax,) = pl.groups(comparison, kinds="null", show=False)
    assert sum(bar.get_height() for bar in ax.patches) == 61
    assert not ax.lines


def test_groups_draws_in_given_axes_and_saves(comparison, tmp_path):
    _, ax = plt.subplots()
    assert pl.groups(comparison, kinds=["null"], ax=ax, title="mine", show=False) == [ax]
    assert ax.get_title("left") == "mine"
    plt.close("all")
    pl.groups(comparison, save=tmp_path / "groups.png")
    assert (tmp_path / "groups.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_groups_says_what_is_wrong(comparison):
    with pytest.raises(ValueError, match=r"`kinds` must be one of"):
        pl.groups(comparison, kinds="roc")
    with pytest.raises(ValueError, match=r"`title` must give one title per panel"):
        pl.groups(comparison, title="one")


def test_groups_labels_axes_with_what_they_explain(comparison):
    comparison.coordinates.attrs["explained"] = (0.412, 0.2)
    (ax,) = pl.groups(comparison, kinds="sets", show=False)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("principal coordinate 1 (41%)", "principal coordinate 2 (20%)")
