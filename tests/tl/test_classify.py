from __future__ import annotations

import importlib
import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import _progress, tl
from scgde.model._label_tuning import LabelTuning
from scgde.results import FittedSets
from scgde.results._covariances import reliability_of_dimensions

classify_module = importlib.import_module("scgde.tl._classify")
N_SETS, N_CELLS = 40, 12


@pytest.fixture(scope="module")
def cohort_once(fit):
    """Donors whose class shifts their cells, fitted in a moment; the embedding is then that of their means."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    status = np.arange(N_SETS) % 2
    severity = rng.random(N_SETS)
    x = rng.normal(size=(len(codes), 4)) + np.column_stack([2 * status, 3 * severity, 0 * status, 0 * status])[codes]
    kind = np.where(rng.random(len(codes)) < 0.3 + 0.4 * status[codes], "T cell", "B/NK cell")
    obs = {
        "donor": pd.Categorical([f"d{i:02d}" for i in codes]),
        "status": np.where(status, "is ill", "healthy")[codes],
        "severity": severity[codes],
        "patient": (codes // 2).astype(str),
        "cell_type": pd.Categorical(kind),
    }
    adata = ad.AnnData(x.astype(np.float32), obs=pd.DataFrame(obs, index=[f"c{i}" for i in range(len(codes))]))
    fit(adata, "donor")
    means = pd.DataFrame(adata.X).groupby(codes).mean().to_numpy()
    adata.uns["gde"]["embedding"] = means.astype(np.float32)
    return adata


@pytest.fixture
def cohort(cohort_once):
    return cohort_once.copy()


def scores(report, score):
    return report[report["score"] == score].set_index("representation")["value"]


def test_classify_predicts_classes_and_compares_with_baselines(cohort):
    report = tl.classify(cohort, "status", state_key="cell_type", n_repeats=2)
    names = ["embedding", "majority", "means", "means_sd", "kernel_mean", "composition"]
    assert report["representation"].unique().tolist() == names
    auc, accuracy = scores(report, "roc_auc"), scores(report, "balanced_accuracy")
    assert (auc[["embedding", "means", "means_sd"]] > 0.95).all()
    assert auc["composition"] > 0.7
    assert (auc["majority"], accuracy["majority"]) == (0.5, 0.5)
    # The stand-in for an embedding is that of the means, and splits are the same.
    assert auc["embedding"] == pytest.approx(auc["means"], abs=0.01)
    proper = report[report["score"] != "calibration_error"]
    assert (proper["low"] <= proper["value"]).all()


def test_classify_predicts_numbers(cohort):
    report = tl.classify(cohort, "severity", n_repeats=2)
    assert scores(report, "r2")["embedding"] > 0.6
    assert scores(report, "spearman")["embedding"] > 0.8
    assert scores(report, "r2")["majority"] < 0.05
    predicted = cohort.uns["gde"]["sets"]["severity_predicted"]
    assert predicted.corr(cohort.uns["gde"]["sets"]["severity"]) > 0.8


def test_classify_does_not_predict_what_is_not_there(cohort):
    labels = np.random.default_rng(1).permutation(np.repeat(["a", "b"], N_SETS // 2))
    cohort.uns["gde"]["sets"]["noise"] = labels
    report = tl.classify(cohort, "noise", baselines=False)
    row = report[report["score"] == "roc_auc"].iloc[0]
    assert row["low"] < 0.5 < row["high"]
    assert scores(report, "calibration_error")["embedding"] < 0.3


def test_intervals_of_scores_near_their_best_hold_no_impossible_value(cohort):
    """Two healthy sets are labelled wrongly, so that the score differs between parts and is 1 in most of them."""
    table = cohort.uns["gde"]["sets"]
    table["typo"] = table["status"].astype(str)
    table.iloc[[0, 2], table.columns.get_loc("typo")] = "is ill"
    report = tl.classify(cohort, "typo", baselines=False).set_index("score")
    bounded = report.loc[["accuracy", "balanced_accuracy", "roc_auc", "f1", "average_precision"]]
    assert (bounded["sd"] > 0).all()
    assert bounded["low"].ge(0).all()
    assert bounded["high"].le(1).all()
    assert (bounded["low"] < bounded["value"]).all()
    assert (bounded["value"] < bounded["high"]).all()


def test_classify_writes_probabilities_of_all_sets(cohort):
    table = cohort.uns["gde"]["sets"]
    table["known"] = table["status"].where(np.arange(N_SETS) < 20)
    tl.classify(cohort, "known", baselines=False, n_repeats=1)
    table = cohort.uns["gde"]["sets"]
    columns = ["known_probability_healthy", "known_probability_is ill"]
    np.testing.assert_allclose(table[columns].sum(axis=1), 1)
    assert (table["known_predicted"] == table["status"])[20:].mean() > 0.9
    assert cohort.obs[columns].notna().all(axis=None)
    by_set = cohort.obs.groupby("gde_set", observed=True)[columns[0]].agg(["min", "max"])
    np.testing.assert_array_equal(by_set["min"], table[columns[0]])
    np.testing.assert_array_equal(by_set["max"], table[columns[0]])


def test_probabilities_of_labelled_sets_are_from_when_they_were_tested(cohort):
    """A label that is wrong for one set is not learnt from that set itself."""
    table = cohort.uns["gde"]["sets"]
    table["status"] = table["status"].astype(str)
    table.iloc[0, table.columns.get_loc("status")] = "is ill"
    tl.classify(cohort, "status", baselines=False)
    assert cohort.uns["gde"]["sets"]["status_probability_is ill"].iloc[0] < 0.4


def test_classify_takes_values_for_unlabeled(cohort):
    table = cohort.uns["gde"]["sets"]
    table["coded"] = np.where(np.arange(N_SETS) < 30, table["status"], "unknown")
    tl.classify(cohort, "coded", unlabeled="unknown", baselines=False, n_repeats=1)
    stored = cohort.uns["gde"]["classification"]["coded"]
    assert stored["classes"].tolist() == ["healthy", "is ill"]
    assert stored["sets"].tolist() == table.index[:30].tolist()
    assert stored["outputs"]["embedding"].shape == (1, 30, 2)
    number = np.where(np.arange(N_SETS) < 30, table["severity"], -1)
    cohort.uns["gde"]["sets"] = cohort.uns["gde"]["sets"].assign(number=number)
    tl.classify(cohort, "number", unlabeled=[-1, -2], baselines=False, n_repeats=1)
    assert cohort.uns["gde"]["classification"]["number"]["truth"].min() >= 0


def test_classify_does_not_divide_groups(cohort, monkeypatch):
    """Both sets of a patient have one label that nothing else tells: only a divided patient is predicted."""
    table = cohort.uns["gde"]["sets"]
    rng = np.random.default_rng(0)
    patient = np.arange(N_SETS) // 2
    embedding = 10 * rng.normal(size=(N_SETS // 2, 30))[patient] + 0.01 * rng.normal(size=(N_SETS, 30))
    cohort.uns["gde"]["embedding"] = embedding.astype(np.float32)
    monkeypatch.setattr(classify_module, "reliability_of_dimensions", lambda _: None)
    table["own"] = rng.permutation(np.repeat([True, False], N_SETS // 4))[patient]
    divided = scores(tl.classify(cohort, "own", baselines=False, n_splits=4, n_repeats=2), "roc_auc")["embedding"]
    whole = scores(
        tl.classify(cohort, "own", baselines=False, n_splits=4, n_repeats=2, group_key="patient"), "roc_auc"
    )["embedding"]
    assert divided > 0.8
    assert whole < 0.7


@pytest.mark.parametrize(
    "values",
    [
        np.array([True, False]),
        pd.Categorical(["mild one", "severe"], categories=["severe", "mild one"], ordered=True),
        np.array([0, 1]),
        np.array([0.0, 1.0]),
        pd.array([True, False], dtype="boolean"),
    ],
    ids=["bool", "ordered", "int", "float", "nullable"],
)
def test_classify_takes_any_kind_of_classes(cohort, values, round_trip):
    cohort.uns["gde"]["sets"]["label"] = (
        pd.Series(values).iloc[np.arange(N_SETS) % 2].set_axis(cohort.uns["gde"]["sets"].index)
    )
    report = tl.classify(cohort, "label", baselines=False, n_repeats=1)
    assert scores(report, "roc_auc")["embedding"] > 0.9
    back = round_trip(cohort)
    pd.testing.assert_frame_equal(
        back.uns["gde"]["classification"]["label"]["report"].reset_index(drop=True), report, check_dtype=False
    )
    assert back.uns["gde"]["sets"]["label_predicted"].tolist() == cohort.uns["gde"]["sets"]["label_predicted"].tolist()


def test_classify_takes_three_classes_and_slashes(cohort, round_trip):
    table = cohort.uns["gde"]["sets"]
    table["stage"] = pd.cut(table["severity"], 3, labels=["I/II", "III", "IV"])
    report = tl.classify(cohort, "stage", baselines=False, n_repeats=1)
    assert scores(report, "balanced_accuracy")["embedding"] > 0.6
    assert scores(report, "roc_auc")["embedding"] > 0.8
    assert "stage_probability_I_II" in round_trip(cohort).obs


def test_balanced_classes_find_more_of_a_rare_one(cohort):
    table = cohort.uns["gde"]["sets"]
    table["rare"] = table["severity"] > table["severity"].quantile(0.85)
    cohort.uns["gde"]["embedding"][:] += np.random.default_rng(0).normal(size=(N_SETS, 4)) * 0.7
    plain, balanced = (
        scores(tl.classify(cohort, "rare", baselines=False, class_weight=weight), "balanced_accuracy")["embedding"]
        for weight in (None, "balanced")
    )
    assert balanced > plain


def test_classify_never_trains_on_the_sets_that_it_tests(cohort, monkeypatch):
    calls, original = [], classify_module.fit_predict

    def record(x, labels, new, *args, **kwargs):
        calls.append((set(map(bytes, x)), set(map(bytes, new)), len(labels.values)))
        return original(x, labels, new, *args, **kwargs)

    monkeypatch.setattr(classify_module, "fit_predict", record)
    tl.classify(cohort, "status", n_splits=4, n_repeats=2, baselines=False)
    *tested, last = calls
    assert len(tested) == 8
    for train, test, n_labels in tested:
        assert not train & test
        assert len(train) == n_labels == 0.75 * N_SETS
    assert last[0] <= last[1]


def test_dimensions_of_the_embedding_count_by_their_reliability(cohort, monkeypatch):
    calls, original = [], classify_module.fit_predict

    def record(*args, reliability, **options):
        calls.append(reliability)
        return original(*args, reliability=reliability, **options)

    monkeypatch.setattr(classify_module, "fit_predict", record)
    tl.classify(cohort, "status", n_splits=2, n_repeats=1)
    expected = reliability_of_dimensions(FittedSets.read(cohort, "gde"))
    of_embedding, of_baselines = ([values for values in calls if (values is None) == is_none] for is_none in (0, 1))
    # Both parts and the final fit; two parts of four baselines.
    np.testing.assert_array_equal(of_embedding, [expected] * 3)
    assert len(of_baselines) == 8


def test_classify_is_reproducible(cohort):
    reports = [tl.classify(cohort, "status", baselines=False, n_repeats=1, seed=seed) for seed in (1, 1, 2)]
    pd.testing.assert_frame_equal(reports[0], reports[1])
    assert not reports[0].equals(reports[2])


def test_classify_uses_a_column_added_after_the_fit(cohort):
    cohort.obs["late"] = cohort.obs["status"].astype("category")
    assert scores(tl.classify(cohort, "late", baselines=False, n_repeats=1), "roc_auc")["embedding"] > 0.9


def test_classify_says_what_is_wrong_and_leaves_the_data_as_it_was(cohort, unchanged):
    table = cohort.uns["gde"]["sets"]
    table["one"], table["none"] = "a", np.nan
    table["alone"] = np.where(np.arange(N_SETS) == 3, "b", "a")
    cohort.obs["varies"] = np.arange(cohort.n_obs) % 2
    with unchanged(cohort):
        with pytest.raises(ValueError, match=r"`mode` must be one of \['probe', 'joint', 'supervised'\], got 'x'"):
            tl.classify(cohort, "status", mode="x")
        with pytest.raises(ValueError, match="`label_weights` must hold one weight or more, got none"):
            tl.classify(cohort, "status", mode="joint", label_weights=[])
        with pytest.raises(ValueError, match=r"two classes or more, but the 40 labelled sets of 'one' have \['a'\]"):
            tl.classify(cohort, "one")
        with pytest.raises(ValueError, match=r"two classes or more, but the 0 labelled sets of 'none' have \[\]"):
            tl.classify(cohort, "none")
        with pytest.raises(ValueError, match=r"of the rarest class of 'alone', 1, got 5. Label more donors"):
            tl.classify(cohort, "alone")
        with pytest.raises(ValueError, match=r"of the rarest class of 'status', 20, got 30. Lower it"):
            tl.classify(cohort, "status", n_splits=30)
        with pytest.raises(ValueError, match=r"constant within sets, but 'varies' varies in 40"):
            tl.classify(cohort, "varies")
        with pytest.raises(KeyError, match=r"`label_key` must name a column"):
            tl.classify(cohort, "x")
        with pytest.raises(KeyError, match=r"`state_key` must name columns"):
            tl.classify(cohort, "status", state_key="x")
        with pytest.raises(ValueError, match=r"`class_weight` must be one of"):
            tl.classify(cohort, "status", class_weight="x")


@pytest.fixture
def fitted_cohort(cohort):
    """With the embedding that the networks give."""
    cohort.uns["gde"]["embedding"] = cohort.obsm["X_gde"][::N_CELLS].copy()
    return cohort


@pytest.mark.parametrize("mode", ["joint", "supervised"])
def test_networks_are_never_trained_on_the_sets_that_they_are_tested_on(fitted_cohort, monkeypatch, mode):
    calls = []

    def record(self, rows, labels, new):
        calls.append((rows, labels, new))
        return np.full((len(new), 2), 0.5)

    monkeypatch.setattr(LabelTuning, {"joint": "fine_tune", "supervised": "from_scratch"}[mode], record)
    tl.classify(fitted_cohort, "status", mode=mode, n_splits=4, n_repeats=2, baselines=False, progress_bar=False)
    *tested, last = calls
    assert len(tested) == 8
    for rows, labels, new in tested:
        assert len(rows) == len(labels.values)
        assert not set(rows) & set(new)
    assert set(last[0]) <= set(last[2])


def test_without_a_progress_bar_its_parts_show_none(fitted_cohort, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "DELAY", 0)
    tl.classify(fitted_cohort, "status", mode="joint", n_splits=0, max_steps=2, progress_bar=False)
    assert capsys.readouterr().err == ""


def test_joint_begins_with_the_probe(fitted_cohort):
    """No weight is the probe; a fit that takes no step is where it begins, and one that does is elsewhere."""
    outputs = []
    of_status, of_severity = [(0.0, 1.0), (1.0, 1e-9), (1.0, 1e-2)], [(0.0, 1.0), (1.0, 1e-9)]
    tasks = [("status", *task) for task in of_status] + [("severity", *task) for task in of_severity]
    for label, weight, lr in tasks:
        options = {"n_splits": 0, "label_weights": [weight], "max_steps": 5, "train_kwargs": {"lr": lr}}
        tl.classify(fitted_cohort, label, mode="joint", progress_bar=False, **options)
        name = "status_probability_healthy" if label == "status" else "severity_predicted"
        outputs.append(fitted_cohort.uns["gde"]["sets"][name].to_numpy(copy=True))
    np.testing.assert_allclose(outputs[1], outputs[0], atol=1e-4)
    np.testing.assert_allclose(outputs[4], outputs[3], atol=1e-4)
    unchanged, changed = (np.abs(one - outputs[0]).max() for one in outputs[1:3])
    assert changed > 10 * unchanged


def test_joint_chooses_a_weight_that_is_better_on_sets_left_out(fitted_cohort):
    """The embedding of a fit of 20 steps tells little of the status, which training finds."""
    options = {"n_splits": 2, "max_steps": 80, "label_weights": (0.0, 10.0), "train_kwargs": {"lr": 1e-2}}
    report = tl.classify(fitted_cohort, "status", mode="joint", baselines=False, progress_bar=False, **options)
    assert report["representation"].unique().tolist() == ["joint", "embedding"]
    brier = scores(report, "brier")
    assert brier["joint"] < brier["embedding"] + 0.02
    assert scores(report, "roc_auc")["joint"] > 0.85


def test_joint_keeps_the_smallest_weight_unless_another_is_better_than_chance(fitted_cohort):
    """Labels that the cells do not know, and steps enough to learn some by heart."""
    table = fitted_cohort.uns["gde"]["sets"]
    table["coin"] = np.random.default_rng(0).permutation(np.resize(["heads", "tails"], N_SETS))
    predicted = []
    for weights in ([0.0], [0.0, 10.0]):
        options = {"n_splits": 0, "label_weights": weights, "max_steps": 30, "train_kwargs": {"lr": 1e-2}}
        tl.classify(fitted_cohort, "coin", mode="joint", progress_bar=False, **options)
        predicted.append(fitted_cohort.uns["gde"]["sets"]["coin_probability_heads"].to_numpy(copy=True))
    np.testing.assert_array_equal(*predicted)


def test_supervised_learns_from_labelled_sets_alone(fitted_cohort):
    table = fitted_cohort.uns["gde"]["sets"]
    table["known"] = table["status"].where(np.arange(N_SETS) < 24)
    changed = fitted_cohort.copy()
    changed.X[24 * N_CELLS :] += 1
    del changed.uns["gde"]["fingerprint"]  # by which the change would be refused
    options = {"mode": "supervised", "max_steps": 60, "progress_bar": False, "n_splits": 0}
    for adata in (fitted_cohort, changed):
        report = tl.classify(adata, "known", train_kwargs={"lr": 1e-2}, **options)
        assert report.empty
        assert "classification" not in adata.uns["gde"]
    tables = [adata.uns["gde"]["sets"] for adata in (fitted_cohort, changed)]
    right = tables[0]["known_predicted"].astype(str) == tables[0]["status"]
    assert right[24:].mean() > 0.8
    columns = ["known_probability_healthy", "known_probability_is ill"]
    np.testing.assert_allclose(tables[0][columns].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(tables[1][columns][:24], tables[0][columns][:24], atol=1e-5)
    assert np.abs(tables[1][columns][24:] - tables[0][columns][24:]).max(axis=None) > 0.01


def test_labels_that_a_fit_has_learnt_from_are_not_tested(cohort):
    stored = cohort.uns["gde"]["model"]
    # Without its digests the config may be changed.
    config = {name: value for name, value in json.loads(stored["config"]).items() if not name.endswith("_sha256")}
    config["fitted_on"] |= {"label_key": "status"}
    stored["config"] = json.dumps(config | {"labels_seen": cohort.uns["gde"]["sets"]["status"].to_dict()})
    with pytest.raises(ValueError, match=r"has not learnt from, but it was trained with 'status'"):
        tl.classify(cohort, "status")
    tl.classify(cohort, "status", n_splits=0)
