from __future__ import annotations

import pandas as pd
import pytest

from scgde.cli._report import Outcome, columns_to_draw, print_scores, spread_over_scores, wrapped_title

TABLE = pd.DataFrame(
    {
        "donor": ["a", "b", "c"],
        "n_cells": [10, 20, 30],
        "sex": ["f", "m", "f"],
        "age": [40.0, 50.0, 60.0],
        "site": ["one"] * 3,
        "part": ["train", "train", "test"],
        "split": ["train", "train", "test"],
    }
)


def test_columns_to_draw_are_those_that_tell_groups_of_sets_apart():
    assert columns_to_draw(TABLE, without=["part"]) == ["sex", "age", "n_cells"]


def test_columns_to_draw_are_six_at_most():
    table = TABLE.assign(**{f"score_{i}": [0.0, 1.0, 2.0] for i in range(9)})
    assert len(columns_to_draw(table, without=[])) == 6


def test_scores_stand_next_to_the_strongest_baseline(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = ["generated", "pooled", "mean", "mean_sd", "shrunken_mean", "gaussian", "linear", "nearest", "floor"]
    scores = pd.DataFrame([[0.2, 0.9, 0.4, 0.3, 0.3, 0.1, 0.5, 0.6, 0.0]] * 2, columns=names).assign(
        set=["a", "b"], n_cells=9
    )
    print_scores([Outcome("cohort", pd.Series(["train"] * 8 + ["test"] * 2), scores, 1.0)])
    row = next(line for line in capsys.readouterr().out.splitlines() if "cohort" in line)
    assert row.split() == ["cohort", "2", "of", "10", "0.200", "0.100", "(gaussian)", "0.900", "0.000", "1", "s"]


@pytest.mark.parametrize(("n", "expected"), [(1, [0]), (3, [0, 1, 2]), (10, [0, 3, 6, 9])])
def test_spread_over_scores_reaches_from_the_best_to_the_worst(n, expected):
    scores = pd.DataFrame({"set": range(n), "generated": [float(i) for i in range(n)]})
    assert spread_over_scores(scores.sample(frac=1, random_state=0))["set"].tolist() == expected


def test_wrapped_title_has_short_lines():
    title = wrapped_title("CD8+/CD45RA+ Naive Cytotoxic|G1", 0.123)
    assert title.splitlines() == ["CD8+/CD45RA+ Naive", "Cytotoxic | G1", "energy distance 0.12"]
