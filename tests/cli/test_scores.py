"""Commands that print tables, and the report."""

from __future__ import annotations

import re

import anndata as ad
import numpy as np
import pandas as pd

from scgde import tl


def test_score_writes_what_score_generation_returns(succeeds, donors_file, tmp_path):
    said = succeeds("score", donors_file, "-o", tmp_path / "scores.csv")
    expected = tl.score_generation(ad.read_h5ad(donors_file))
    np.testing.assert_allclose(pd.read_csv(tmp_path / "scores.csv")["generated"], expected["generated"], atol=1e-4)
    assert {"generated", "pooled", "floor"} <= set(said.split())


def test_score_of_transports_shows_forecasts_beside_baselines(succeeds, clones_file, tmp_path):
    said = succeeds("score", clones_file, "-o", tmp_path / "scores.csv")
    assert {"forecast", "identity", "split half"} <= set(pd.read_csv(tmp_path / "scores.csv")["forecast"])
    assert "mean shift" in said


def test_classify_writes_scores_and_predictions(succeeds, donors_file, tmp_path):
    outputs = ["-o", tmp_path / "scores.csv", "--predictions", tmp_path / "out.h5ad"]
    succeeds("classify", donors_file, "composition", "--n-splits", 2, *outputs)
    assert {"embedding", "majority", "means"} <= set(pd.read_csv(tmp_path / "scores.csv")["representation"])
    assert "composition_predicted" in ad.read_h5ad(tmp_path / "out.h5ad").obs


def test_compare_writes_what_compare_all_groups_returns(succeeds, donors_file, tmp_path):
    options = ["--n-permutations", 99, "-o", tmp_path / "tests.csv"]
    succeeds("compare", donors_file, "composition", "batch", *options)
    expected = tl.compare_all_groups(ad.read_h5ad(donors_file), ["composition", "batch"], n_permutations=99)
    np.testing.assert_allclose(pd.read_csv(tmp_path / "tests.csv")["p_value"], expected["p_value"])


def test_compare_tests_two_of_several_groups(succeeds, fails, donors_file, tmp_path):
    options = ["--n-permutations", 99, "-o", tmp_path / "tests.csv"]
    adata = ad.read_h5ad(donors_file)
    stage = adata.uns["gde"]["sets"]["n_cells"] // 8
    adata.uns["gde"]["sets"]["stage"] = stage
    adata.write_h5ad(tmp_path / "stages.h5ad")
    two = stage.value_counts().index[:2]
    succeeds("compare", tmp_path / "stages.h5ad", "stage", "--only", two[0], "--only", two[1], *options)
    found = pd.read_csv(tmp_path / "tests.csv").iloc[0]
    assert (found["n_groups"], found["n_sets"]) == (2, stage.isin(two).sum())
    assert "must be values of 'shift'" in fails("compare", donors_file, "shift", "--only", "other")
    assert "needs one column" in fails("compare", donors_file, "shift", "batch", "--only", "other")


def test_report_holds_its_figures_and_scores_and_leaves_the_file(succeeds, donors_file, tmp_path):
    before = donors_file.read_bytes()
    succeeds("report", donors_file, "-o", tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    titles = ["Warnings", "Fit", "Sets", "Map", "Training", "Scores", "Uncertainty"]
    assert re.findall("<h2>(.*?)</h2>", html) == titles
    assert html.count("data:image/png;base64,iVBOR") == 4
    assert "Not available" not in html
    assert "strongest baseline" in html
    assert not re.search(r"(?:src|href)=.(?!data:)", html)
    assert donors_file.read_bytes() == before


def test_report_of_transports_has_all_sections(succeeds, clones_file, tmp_path):
    succeeds("report", clones_file, "-o", tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not available" not in html
    assert html.count("data:image/png;base64,iVBOR") == 4


def test_tables_must_be_csv_files_and_reports_html(fails, donors_file, tmp_path):
    assert "must end in .csv" in fails("score", donors_file, "-o", tmp_path / "scores.txt")
    assert "must end in .html" in fails("report", donors_file, "-o", tmp_path / "report.pdf")
