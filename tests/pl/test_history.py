from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scgde import pl


def test_history_draws_every_step_and_a_running_median(adata):
    ax = pl.history(adata, show=False)
    raw, smooth, *_ = ax.lines
    table = adata.uns["gde"]["history"]
    assert np.array_equal(raw.get_xydata(), table[["step", "train_loss"]])
    assert smooth.get_ydata()[50] == pytest.approx(table["train_loss"].iloc[49:52].median())


def test_history_draws_validation_where_there_was_one_and_marks_the_best(adata):
    ax = pl.history(adata, show=False)
    validation, best = ax.lines[2:]
    assert validation.get_xdata().tolist() == list(range(10, 101, 10))
    assert best.get_xydata().tolist() == [[70, 1]]
    assert "best validation: 1 at step 70" in [text.get_text() for text in ax.get_legend().get_texts()]
    adata.uns["gde"]["history"] = adata.uns["gde"]["history"].iloc[:70]
    texts = pl.history(adata, show=False).get_legend().get_texts()
    assert "best validation: 1 at step 70, the last" in [text.get_text() for text in texts]


def test_history_draws_training_alone_when_there_was_no_validation(adata):
    adata.uns["gde"]["history"]["validation_loss"] = np.nan
    ax = pl.history(adata, show=False)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "no validation sets"]


def test_history_says_how_many_sets_there_are_and_where_it_stopped(adata):
    n = len(adata.uns["gde"]["sets"])
    assert pl.history(adata, show=False).get_title("left") == f"{n} sets"
    content = adata.uns["gde"]
    content["sets"]["split"] = ["validation"] * 2 + ["train"] * (n - 2)
    content["params"]["max_steps"] = 200
    ax = pl.history(adata, show=False)
    assert ax.get_title("left") == f"{n - 2} training, 2 validation sets"
    assert "stopped early, at step 100" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_history_leaves_spikes_out_of_the_limits(adata):
    adata.uns["gde"]["history"].loc[0, "train_loss"] = 1e6
    low, high = pl.history(adata, window=5, show=False).get_ylim()
    assert low < 1 < 71 / 2 < high < 1e6


def test_history_draws_a_single_step(adata):
    adata.uns["gde"]["history"] = adata.uns["gde"]["history"].iloc[:1]
    assert [len(line.get_xdata()) for line in pl.history(adata, show=False).lines] == [1, 0]


def test_history_saves_and_closes(adata, tmp_path):
    pl.history(adata, save=tmp_path / "loss.png")
    assert (tmp_path / "loss.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_history_says_what_is_wrong(adata):
    with pytest.raises(ValueError, match="`window` must be at least 1"):
        pl.history(adata, window=0)
    del adata.uns["gde"]["history"]
    with pytest.raises(KeyError, match="history"):
        pl.history(adata)
