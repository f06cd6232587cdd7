"""Objects print on one screen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets, tl
from scgde._summary import Summary, p_text
from scgde.model import GDE
from scgde.model._description import _training_line
from scgde.nn.cells import CellSpec


class Two(Summary):
    _title = "Two: of <them>"

    def _lines(self):
        return {"a": "1 cell", "longer": "x" * 500}


def test_summary_is_aligned_and_short():
    lines = repr(Two()).splitlines()
    assert lines[:2] == ["Two: of <them>", "  a       1 cell"]
    assert len(lines[2]) <= 120


def test_summary_is_escaped_in_notebooks():
    assert "<strong>Two: of &lt;them&gt;</strong>" in Two()._repr_html_()


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "0.12"), (0.001, "0.001"), (1.2e-7, "1.2e-07"), (0.0, "below 2e-308"), (np.nan, "nan")]
)
def test_p_text_has_two_digits(value, text):
    assert p_text(value) == text


@pytest.fixture(scope="module")
def cohort(fit):
    adata = datasets.gaussian_sets(10, (20, 30), 4, seed=0)
    adata.obs["group"] = (adata.obs["set"].cat.codes % 2).map({0: "a", 1: "b"}).astype("category")
    model = fit(adata, validation_fraction=0.2)
    tl.uncertainty(adata)
    return adata, model


def is_one_screen(result):
    return len(repr(result).splitlines()) <= 12 and max(map(len, repr(result).splitlines())) <= 120


@pytest.mark.parametrize(("losses", "is_said"), [([2.0, 1.0], True), ([1.0, 2.0], False), ([np.nan, np.nan], False)])
def test_training_says_where_its_best_step_was_the_last(losses, is_said):
    history = pd.DataFrame({"step": [50, 100], "validation_loss": losses})
    assert ("the last: more may be better" in _training_line(history, None)) == is_said


def test_model_says_what_it_holds(cohort):
    model = cohort[1]
    text = repr(model)
    assert is_one_screen(model)
    assert text.startswith("GDE: pooled_gnn")
    for part in ("10 sets of", "`adata.X`", "4 features", "20 steps, best validation loss", "parameters on cpu", " s"):
        assert part in text
    loaded = GDE.from_stored(model.to_stored())
    assert "none attached" in repr(loaded)
    assert "20 steps, best validation loss" in repr(loaded)
    assert "none yet" in repr(GDE(cells=CellSpec.vectors(3)))


def test_model_completes_names_that_work_only(cohort):
    names = set(dir(cohort[1]))
    assert {"train", "generate", "get_embedding", "save", "load", "history", "adata", "device"} <= names
    assert not {"get_normalized_expression", "differential_abundance", "convert_legacy_save", "get_var_names"} & names
    for name in names:
        getattr(cohort[1], name)  # no property raises


def test_comparison_of_sets_prints_and_has_a_table(cohort):
    names = cohort[0].uns["gde"]["sets"].index
    result = tl.compare_sets(cohort[0], names[0], names[1])
    assert is_one_screen(result)
    assert repr(result).startswith(f"SetComparison: are {names[0]!r} and {names[1]!r} draws from one population?")
    assert p_text(result.p_value) in repr(result)
    table = result.to_frame()
    axes = result.directions
    np.testing.assert_allclose(table["difference"], axes.T @ result.difference)
    np.testing.assert_allclose(table["standard_error"], np.sqrt(np.diag(axes.T @ result.covariance @ axes)))
    assert len(table) == result.df[0]


def test_comparison_of_groups_prints_and_has_a_table(cohort):
    result = tl.compare_groups(cohort[0], "group", n_permutations=99)
    assert is_one_screen(result)
    assert repr(result).startswith("GroupComparison: do sets differ by 'group'?")
    assert "a: 5, b: 5" in repr(result)
    all_columns = tl.compare_all_groups(cohort[0], ["group"], n_permutations=99).drop(columns="q_value")
    pd.testing.assert_frame_equal(result.to_frame()[all_columns.columns], all_columns)


def test_explanation_prints_and_has_a_table(cohort):
    names = cohort[0].uns["gde"]["sets"].index.tolist()
    result = tl.explain(cohort[0], names[0], names[1:3], n_cells=50, n_steps=3)
    assert is_one_screen(result)
    assert repr(result).startswith(f"Explanation: what is different between {names[0]!r} and 2 sets?")
    table = result.to_frame()
    assert table["distance"].sum() == pytest.approx(result.total)
    assert table["share"].sum() == pytest.approx(1)
    assert "  composition      0, 0% of it" in repr(result)  # no states were given
