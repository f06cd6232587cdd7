from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from scgde import pl
from scgde.pl._draw import GREY


@pytest.fixture
def typed(adata):
    """Types that vary between sets: donor i has i of its cells in "T", all else but one in "B"."""
    donors = adata.obs["gde_set"]
    number = donors.str.split().str[1].astype(float).fillna(0)
    rank = donors.groupby(donors, observed=False).cumcount()
    types = np.where(rank < number, "T", np.where(rank == 19, None, "B"))
    adata.obs["cell_type"] = pd.Categorical(types, categories=["T", "B", "unused"])
    return adata


def names(ax) -> list[str]:
    return [text.get_text() for text in ax.get_xticklabels()]


def bars(ax) -> list[np.ndarray]:
    """Heights of the bars, from the bottom to the top."""
    return [np.array([bar.get_height() for bar in container]) for container in ax.containers]


def strips(ax):
    return [child for child in ax.child_axes if child.images]


def test_bars_are_shares_and_sum_to_one(typed):
    ax = pl.composition(typed, "cell_type", show=False)
    sizes = typed.uns["gde"]["sets"]["n_cells"]
    order = names(ax)
    np.testing.assert_allclose(sum(bars(ax)), 1)
    share = dict(zip(["T", "B", "NA"], bars(ax), strict=True))
    np.testing.assert_allclose(share["T"], [int(name.split()[1]) / sizes[name] for name in order])
    np.testing.assert_allclose(share["NA"], [1 / sizes[name] for name in order])
    assert to_hex(ax.containers[2][0].get_facecolor()) == GREY


def test_sets_are_sorted_by_the_type_that_varies_most(typed):
    ax = pl.composition(typed, "cell_type", show=False)
    assert (np.diff(bars(ax)[0]) <= 0).all()
    assert names(ax) == [f"donor {i}" for i in reversed(range(12))]


def test_annotations_come_first_in_the_order_and_have_strips(typed):
    ax = pl.composition(typed, "cell_type", annotate_keys=["treated", "severity"], show=False)
    table = typed.uns["gde"]["sets"].loc[names(ax)]
    assert table["treated"].is_monotonic_increasing
    untreated = table["severity"][~table["treated"]].to_numpy()
    assert np.isnan(untreated[-1])
    assert (np.diff(untreated[:-1]) > 0).all()
    assert [strip.get_yticklabels()[0].get_text() for strip in strips(ax)] == ["treated", "severity"]
    assert strips(ax)[0].images[0].get_array().shape == (1, 12, 4)


def test_the_legend_reads_from_top_to_bottom_as_the_bars(typed):
    ax = pl.composition(typed, "cell_type", annotate_keys="treated", show=False)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["cell_type", "NA", "B", "T", "treated", "False", "True"]


def test_colours_of_scanpy_are_kept_unless_there_is_a_palette(typed):
    typed.uns["cell_type_colors"] = ["#ff0000", "#00ff00", "#0000ff"]
    ax = pl.composition(typed, "cell_type", show=False)
    assert to_hex(ax.containers[0][0].get_facecolor()) == "#ff0000"
    ax = pl.composition(typed, "cell_type", palette={"T": "black", "B": "red", "unused": "blue"}, show=False)
    assert ax.containers[0][0].get_facecolor()[:3] == to_rgb("black")


def test_composition_draws_in_given_axes_and_saves(typed, tmp_path):
    _, ax = plt.subplots()
    assert pl.composition(typed, "cell_type", ax=ax, title="mine", labels=False, legend=False, show=False) is ax
    assert (ax.get_title("left"), names(ax), ax.get_legend()) == ("mine", [], None)
    pl.composition(typed, "cell_type", save=tmp_path / "composition.png")
    assert (tmp_path / "composition.png").stat().st_size > 1000


def test_unknown_columns_are_refused(typed):
    with pytest.raises(KeyError, match=r"`state_key` must name columns of `adata.obs`, got \['type'\]"):
        pl.composition(typed, "type")
    with pytest.raises(KeyError, match="`annotate_keys` must name columns of the set table"):
        pl.composition(typed, "cell_type", annotate_keys="nothing")
    with pytest.raises(KeyError, match=r"scgde\.tl\.fit_gde"):
        pl.composition(typed, "cell_type", key="other")
