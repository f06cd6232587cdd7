from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from scgde import pl

SIZES = np.array([10, 40, 160])


@pytest.fixture
def converging(adata):
    """Draws whose distances fall as the central limit theorem says, of two sets."""
    parts = []
    for name, scale in (("donor 0", 1.0), ("donor 5", 2.0)):
        for size in SIZES:
            distance = scale * size**-0.5 * np.sqrt([0.5, 1.0, 1.5])
            row = {"set": name, "n_cells": size, "distance": distance, "predicted": scale * size**-0.5}
            parts.append(pd.DataFrame(row))
    adata.uns["gde"]["convergence"] = pd.concat(parts, ignore_index=True)
    return adata


def slope(line):
    return np.polyfit(*np.log(line.get_xydata().T.astype(float)), 1)[0]


def test_convergence_draws_every_draw_its_rms_and_the_prediction(converging):
    ax = pl.convergence(converging, show=False)
    draws, predicted, rms = ax.lines[:3]
    assert len(draws.get_xdata()) == 9
    np.testing.assert_allclose(rms.get_ydata(), SIZES**-0.5)
    np.testing.assert_allclose(predicted.get_xydata(), np.stack([SIZES, SIZES**-0.5], axis=1))
    assert predicted.get_linestyle() == "-"
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "donor 0",
        "donor 5",
        "one draw",
        "root mean square of draws",
        "predicted by standard errors",
    ]


def test_convergence_draws_a_guide_where_nothing_is_predicted(converging):
    converging.uns["gde"]["convergence"]["predicted"] = np.nan
    _, guide, rms = pl.convergence(converging, show=False).lines[:3]
    assert guide.get_linestyle() == "--"
    assert guide.axes.get_legend().get_texts()[-1].get_text() == "inverse root of the cells"
    assert slope(guide) == pytest.approx(-0.5)
    assert guide.get_ydata()[-1] == pytest.approx(rms.get_ydata()[-1])


def test_convergence_draws_the_named_sets(converging):
    assert len(pl.convergence(converging, sets="donor 5", show=False).lines) == 3
    assert len(pl.convergence(converging, sets=["donor 5", "donor 0"], legend=False, show=False).lines) == 6


def test_convergence_writes_plain_numbers(converging):
    ax = pl.convergence(converging, show=False)
    ax.figure.draw_without_rendering()
    texts = [text.get_text() for text in ax.get_xticklabels() + ax.get_yticklabels() if text.get_text()]
    assert texts
    assert not [text for text in texts if "times" in text or "^" in text]


def test_convergence_draws_in_given_axes_and_saves(converging, tmp_path):
    _, ax = plt.subplots()
    assert pl.convergence(converging, ax=ax, title="draws", show=False) is ax
    assert ax.get_title("left") == "draws"
    plt.close("all")
    pl.convergence(converging, save=tmp_path / "draws.png")
    assert (tmp_path / "draws.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_convergence_says_what_is_wrong(converging):
    with pytest.raises(KeyError, match=r"`sets` must be among those of `scgde.tl.convergence`, got \['donor 1'\]"):
        pl.convergence(converging, sets=["donor 1", "donor 5"])
    del converging.uns["gde"]["convergence"]
    with pytest.raises(KeyError, match=r"`scgde\.tl\.convergence` writes"):
        pl.convergence(converging)
