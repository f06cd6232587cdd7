from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from scgde import pl
from scgde.pl._draw import COLORS


@pytest.fixture
def generation() -> pd.DataFrame:
    """As of `tl.score_generation`."""
    rng = np.random.default_rng(0)
    means = {"generated": 0.2, "pooled": 0.9, "mean": 0.4, "floor": 0.0}
    return pd.DataFrame(
        {"set": [f"donor {i}" for i in range(9)], "n_cells": 50}
        | {k: m + 0.01 * rng.random(9) for k, m in means.items()}
    )


@pytest.fixture
def forecasts() -> pd.DataFrame:
    """As of `tl.evaluate_transport`: two metrics, one without values for one pair."""
    names = ["identity", "forecast", "true target", "split half"]
    rows = [
        (f"s{i}", f"t{i}", name, metric, 1.0 - 0.2 * order + i)
        for metric in ("energy", "mmd")
        for order, name in enumerate(names)
        for i in range(5)
    ]
    table = pd.DataFrame(rows, columns=["source", "target", "forecast", "metric", "value"])
    table.loc[table["metric"].eq("mmd") & table["source"].eq("s0"), "value"] = np.nan
    return table


def rows(ax) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels()]


def clouds(ax) -> list[np.ndarray]:
    """Positions on the x axis: of all sets, then of their median, for each row."""
    return [np.asarray(c.get_offsets())[:, 0] for c in ax.collections]


def test_methods_are_sorted_by_their_median(generation):
    (ax,) = pl.scores(generation, show=False)
    assert rows(ax) == ["floor", "generated", "mean", "pooled"]
    assert ax.get_ylim() == (3.5, -0.5)


def test_every_set_and_the_median_are_drawn(generation):
    (ax,) = pl.scores(generation, show=False)
    drawn = clouds(ax)
    np.testing.assert_allclose(drawn[2], generation["generated"])
    np.testing.assert_allclose(drawn[3], [generation["generated"].median()])
    assert ax.get_title("left") == "9 sets"


def test_lines_are_quartiles_and_the_floor_is_drawn_on(generation):
    (ax,) = pl.scores(generation, show=False)
    lines = [line for line in ax.lines if len(line.get_xdata())]
    quartiles = next(line for line in lines if list(line.get_ydata()) == [1, 1])
    np.testing.assert_allclose(quartiles.get_xdata(), generation["generated"].quantile([0.25, 0.75]))
    floor = next(line for line in lines if line.get_linestyle() == "--")
    assert floor.get_xdata()[0] == pytest.approx(generation["floor"].median())


def test_the_model_has_a_colour_of_its_own(generation):
    (ax,) = pl.scores(generation, show=False)
    colors = [tuple(c.get_facecolor()[0][:3]) for c in ax.collections[::2]]
    assert [color == to_rgb(COLORS[0]) for color in colors] == [False, True, False, False]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["model", "baseline", "floor", "one set"]


def test_one_panel_per_metric_of_forecasts(forecasts):
    energy, mmd = pl.scores(forecasts, show=False)
    assert rows(energy)[0] == "split half"
    assert (energy.get_legend() is None, mmd.get_legend() is None) == (False, True)
    assert {len(c) for c in clouds(mmd)} == {1, 4}
    (one,) = pl.scores(forecasts, metrics="mmd", show=False)
    assert one.get_xlabel() == "squared MMD (lower is better)"


def test_scores_draws_in_given_axes_and_saves(generation, tmp_path):
    _, ax = plt.subplots()
    assert pl.scores(generation, ax=ax, title="mine", legend=False, show=False) == [ax]
    assert (ax.get_title("left"), ax.get_legend()) == ("mine", None)
    pl.scores(generation, save=tmp_path / "scores.png")
    assert (tmp_path / "scores.png").stat().st_size > 1000


def test_wrong_tables_and_metrics_are_refused(generation, forecasts):
    with pytest.raises(ValueError, match=r"`scores` must be a table of `scgde.tl.score_generation`"):
        pl.scores(generation.drop(columns="generated"))
    with pytest.raises(KeyError, match=r"`metrics` must be among those of the table, \['energy', 'mmd'\], got"):
        pl.scores(forecasts, metrics="wasserstein")
