from __future__ import annotations

import warnings
from itertools import pairwise
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scgde import pl

PARTS = ["composition", "shift", "dispersion"]


@pytest.fixture
def explanation():
    """As of `tl.explain`, with a part that works against the others."""
    rng = np.random.default_rng(0)
    states = pd.DataFrame(rng.normal(size=(3, 3)), index=["T cell", "B cell", "NK"], columns=PARTS)
    features = pd.DataFrame(rng.random((20, 3)), index=[f"gene {i}" for i in range(20)], columns=PARTS)
    features["generated"] = np.linspace(1, 0, 20)
    path = pd.DataFrame(rng.normal(size=(5, 20)), index=np.linspace(0, 1, 5), columns=features.index)
    total = float(states.to_numpy().sum())
    sets, names = (["donor 1"], ["donor 2", "donor 3"]), ("donor 1", "2 sets")
    tables = {"states": states, "features": features, "path": path}
    return SimpleNamespace(total=total, floor=0.01, sets=sets, names=names, **tables)


def widths(ax):
    """Lengths of the bars by part, with their signs."""
    return np.array([[bar.get_width() for bar in bars] for bars in ax.containers])


def test_explain_draws_states_and_their_sum(explanation):
    (ax,) = pl.explain(explanation, kinds="states", show=False)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "all"
    assert set(names[1:]) == {"T cell", "B cell", "NK"}
    assert explanation.states.sum(axis=1).abs()[names[1:]].is_monotonic_decreasing
    np.testing.assert_allclose(widths(ax).T[1:], explanation.states.loc[names[1:]])
    np.testing.assert_allclose(widths(ax)[:, 0], explanation.states.sum())


def test_the_floor_is_that_of_all_states_together(explanation):
    (ax,) = pl.explain(explanation, kinds="states", show=False)
    (floor,) = [line for line in ax.lines if line.get_label() == "floor, one population"]
    assert floor.get_xdata().tolist() == [explanation.floor] * 2
    assert np.abs(floor.get_ydata()).max() < 0.5


def test_bars_do_not_cover_each_other(explanation):
    (ax,) = pl.explain(explanation, kinds="states", show=False)
    for row in range(4):
        spans = sorted(sorted([bars[row].get_x(), bars[row].get_x() + bars[row].get_width()]) for bars in ax.containers)
        assert all(left[1] <= right[0] + 1e-9 for left, right in pairwise(spans))


def test_a_single_state_has_no_sum(explanation):
    explanation.states = explanation.states.head(1)
    (ax,) = pl.explain(explanation, kinds="states", show=False)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["T cell"]


def test_explain_draws_the_first_features(explanation):
    (ax,) = pl.explain(explanation, kinds="features", n_features=4, show=False)
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"gene {i}" for i in range(4)]
    np.testing.assert_allclose(widths(ax).T, explanation.features[PARTS].head(4))
    (dots,) = [line for line in ax.lines if line.get_label() == "generated"]
    np.testing.assert_allclose(dots.get_xdata(), explanation.features["generated"].head(4))


def test_explain_draws_means_along_the_path(explanation):
    (ax,) = pl.explain(explanation, kinds="path", show=False)
    assert len(ax.lines) == 8
    np.testing.assert_allclose(ax.lines[2].get_ydata(), explanation.path["gene 2"])


def test_explain_draws_in_given_axes_and_saves(explanation, tmp_path):
    _, ax = plt.subplots()
    assert pl.explain(explanation, kinds="path", ax=ax, title="mine", show=False) == [ax]
    plt.close("all")
    pl.explain(explanation, save=tmp_path / "e.png")
    assert (tmp_path / "e.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_explain_says_what_is_wrong(explanation):
    with pytest.raises(ValueError, match=r"`kinds` must be one of"):
        pl.explain(explanation, kinds="roc")
    with pytest.raises(ValueError, match=r"`n_features` must be at least 1, got 0"):
        pl.explain(explanation, n_features=0)


def test_explain_names_the_ends(explanation):
    states, path = pl.explain(explanation, kinds=["states", "path"], show=False)
    assert states.get_title("left").startswith("donor 1 and b (2 sets)\n")
    assert path.get_xlabel() == "t, from donor 1 to b (2 sets)"
    explanation.names = ("donor 1", "Covid")
    (path,) = pl.explain(explanation, kinds="path", show=False)
    assert path.get_xlabel() == "t, from donor 1 to Covid (2 sets)"
    (path,) = pl.explain(explanation, kinds="path", names=("healthy", "ill"), show=False)
    assert path.get_xlabel() == "t, from healthy to ill"


def test_small_states_share_a_row(explanation):
    table = pd.DataFrame(np.eye(20, 3) + 1 / np.arange(1, 21)[:, None], columns=PARTS)
    explanation.states = table
    (ax,) = pl.explain(explanation, kinds="states", show=False)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "all"
    assert names[-1] == "8 others"
    np.testing.assert_allclose(widths(ax)[:, 1:].sum(axis=1), table.sum())


@pytest.mark.parametrize(("factor", "is_like"), [(0.05, False), (1, True), (20, False)])
def test_explain_warns_where_the_model_does_not_explain_the_difference(explanation, factor, is_like):
    observed = explanation.features[PARTS].to_numpy().sum()
    explanation.features["generated"] = factor * observed / len(explanation.features)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pl.explain(explanation, kinds="states", show=False)
    assert ["does not explain this difference" in str(one.message) for one in caught] == [True] * (not is_like)


def test_explain_is_silent_where_nothing_differs(explanation):
    explanation.features["generated"], explanation.floor = 0.0, explanation.total
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pl.explain(explanation, kinds="states", show=False)
