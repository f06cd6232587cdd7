from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from scgde import get, tl
from scgde.stats import _embedding_scores


@pytest.fixture
def adata():
    """Thirty sets: the class shifts the first axis, time the second, the batch the third."""
    rng = np.random.default_rng(0)
    kind, batch = np.tile(["a", "b", "b"], 10), np.repeat(["u", "v"], 15)
    time = rng.random(30)
    x = rng.normal(size=(30, 3)) * 0.3 + np.column_stack([2.0 * (kind == "a"), 5 * time, 3.0 * (batch == "v")])
    obs = {"kind": kind, "batch": batch, "time": time, "noise": rng.permutation(kind), "pair": np.arange(30) // 2}
    adata = ad.AnnData(x, obs=pd.DataFrame(obs, index=[f"s{i}" for i in range(30)]))
    adata.obsm["noise"] = rng.normal(size=(30, 3))
    return adata


def evaluate(adata, **options):
    return tl.evaluate_embedding(adata, key=None, **({"n_permutations": 99, "n_draws": 99} | options))


def held_out(model, x, y):
    rows = np.arange(len(x))
    return np.array([model.fit(x[rows != i], y[rows != i]).predict(x[[i]])[0] for i in rows])


def test_knn_classes_agrees_with_scikit_learn(adata):
    codes = pd.factorize(adata.obs["kind"])[0]
    expected = balanced_accuracy_score(codes, held_out(KNeighborsClassifier(3), adata.X, codes))
    assert _embedding_scores.knn_classes(3)(squareform(pdist(adata.X)), codes) == pytest.approx(expected)
    assert evaluate(adata, label_key="kind").loc[0, "value"] == pytest.approx(expected)


def test_knn_numbers_agrees_with_scikit_learn(adata):
    time = adata.obs["time"].to_numpy()
    expected = spearmanr(time, held_out(KNeighborsRegressor(4), adata.X, time)).statistic
    assert evaluate(adata, label_key="time", n_neighbors=4).loc[0, "value"] == pytest.approx(expected)


def test_linear_scores_agree_with_scikit_learn(adata):
    distances, time = squareform(pdist(adata.X)), adata.obs["time"].to_numpy()
    ridge = Ridge(alpha=_embedding_scores.RIDGE * adata.X.var(axis=0).sum())
    score = _embedding_scores.linear_numbers()
    np.testing.assert_allclose(score.predict(score.prepare(distances), time), held_out(ridge, adata.X, time))
    codes = pd.factorize(adata.obs["kind"])[0]
    targets = np.eye(2)[codes] / np.bincount(codes)
    expected = held_out(ridge, adata.X, targets[:, 0]) < held_out(ridge, adata.X, targets[:, 1])
    score = _embedding_scores.linear_classes()
    np.testing.assert_array_equal(score.predict(score.prepare(distances), codes), expected)
    assert score(distances, codes) == pytest.approx(balanced_accuracy_score(codes, expected))


def test_linear_readout_finds_what_is_small_among_larger_differences(adata):
    adata.X[:, 0] /= 10
    table = evaluate(adata, label_key="kind", batch_key="kind", readout=["neighbors", "linear"]).set_index("score")
    assert table.index.tolist() == ["retention", "linear_retention", "batch_removal", "linear_batch_removal"]
    assert table.loc["retention", "normalized"] < 0.6
    assert table.loc["linear_retention", "normalized"] > 0.9
    assert table.loc["linear_batch_removal", "normalized"] < 0.1
    with pytest.raises(ValueError, match=r"`readout` must be one of \['neighbors', 'linear'\], got 'x'"):
        evaluate(adata, label_key="kind", readout="x")


def test_a_tie_of_votes_goes_to_the_nearer():
    distances = np.array([[0, 1, 2, 9.0], [1, 0, 9, 9], [2, 9, 0, 9], [9, 9, 9, 0]])
    neighbors = _embedding_scores.knn_classes(2)
    assert neighbors.predict(neighbors.prepare(distances), np.array([0, 2, 1, 1]))[0] == 2


def test_scores_are_perfect_and_at_chance_where_they_should_be(adata):
    table = evaluate(adata, label_key=["kind", "noise"], metric=["embedding", "noise"]).set_index(
        ["metric", "covariate"]
    )
    assert table.loc[("embedding", "kind"), "normalized"] > 0.6
    assert table.loc[("embedding", "kind"), "p_value"] == 0.01
    for row in [("embedding", "noise"), ("noise", "kind")]:
        assert table.loc[row, "p_value"] > 0.05
        assert abs(table.loc[row, "normalized"]) < 0.4
    assert table["chance"].to_numpy() == pytest.approx(0.5, abs=0.06)


def test_normalized_scores_are_zero_on_average_where_nothing_is_there():
    rng, values = np.random.default_rng(0), []
    for _ in range(40):
        obs = pd.DataFrame({"kind": rng.permutation(np.repeat(["a", "b"], 8)), "time": rng.random(16)}).set_index(
            pd.Index([str(i) for i in range(16)])
        )
        data = ad.AnnData(rng.normal(size=(16, 2)), obs=obs)
        values.append(
            evaluate(data, label_key=["kind", "time"], order_key="time", n_permutations=49, n_draws=2)["normalized"]
        )
    errors = np.std(values, axis=0) / len(values) ** 0.5
    assert (np.abs(np.mean(values, axis=0)) < 3 * errors).all()


def test_batch_removal_is_one_minus_retention(adata):
    table = evaluate(adata, label_key="batch", batch_key="batch").set_index("score")
    assert table.loc["batch_removal", "value"] == pytest.approx(1 - table.loc["retention", "normalized"], abs=0.05)
    assert table.loc["batch_removal", "value"] < 0.2
    assert evaluate(adata, batch_key="batch", metric="noise").loc[0, "value"] > 0.5
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_order_is_found_by_distances_and_along_a_line(adata):
    table = evaluate(adata, order_key=["time"]).set_index("score")["value"]
    assert table["order_along_a_line"] > 0.9
    line = ad.AnnData(adata.obs[["time"]].to_numpy(), obs=adata.obs)
    np.testing.assert_allclose(evaluate(line, order_key="time")["value"], 1)


def test_replicates_are_ranked_among_other_sets():
    x = np.array([0.0, 1, 10, 11, 0.4])[:, None]
    data = ad.AnnData(x, obs=pd.DataFrame({"donor": ["p", "p", "q", "q", None]}, index=list("abcde")))
    table = evaluate(data, replicate_key="donor")
    assert (table.loc[0, "value"], table.loc[0, "n_sets"]) == (1, 4)
    data.obs["donor"] = ["p", "p", "q", "q", "r"]
    # `e` is nearer to `a` than its replicate is, and to `b` too: each has one of three others before it.
    assert evaluate(data, replicate_key="donor").loc[0, "value"] == pytest.approx((2 / 3 + 2 / 3 + 1 + 1) / 4)


OPTIONS = {"label_key": "kind", "n_permutations": 2}


def test_intervals_cover_the_mean_score_of_cohorts():

    def draw(n, seed):
        rng = np.random.default_rng(seed)
        kind = rng.integers(2, size=n)
        obs = pd.DataFrame({"kind": kind.astype(str)}, index=[str(i) for i in range(n)])
        return ad.AnnData(rng.normal(size=(n, 1)) + 1.5 * kind[:, None], obs=obs)

    truth = np.mean([evaluate(draw(30, i), n_draws=1, **OPTIONS).loc[0, "value"] for i in range(100)])
    tables = [evaluate(draw(30, 1000 + i), **OPTIONS).loc[0] for i in range(60)]
    assert np.mean([table["low"] <= truth <= table["high"] for table in tables]) >= 0.9


def test_missing_values_are_left_out(adata):
    adata.obs.loc[["s1", "s2"], "kind"] = None
    complete = adata[adata.obs["kind"].notna()].copy()
    table, expected = (evaluate(data, label_key="kind").loc[0] for data in (adata, complete))
    assert table["n_sets"] == 28
    assert table["value"] == expected["value"]


def test_evaluate_embedding_reads_a_fit_or_its_sets(fitted):
    fitted.uns["gde"]["sets"]["half"] = np.tile(["a", "b"], 5)
    options = {"label_key": "half", "n_permutations": 19, "n_draws": 19}
    one = tl.evaluate_embedding(fitted, metric=["embedding", "energy"], **options)
    assert one["metric"].tolist() == ["embedding", "energy", "pseudobulk", "unbiased_pseudobulk", "pseudobulk_sd"]
    one = one.iloc[:2]
    other = tl.evaluate_embedding(get.sets(fitted), key=None, **options)
    assert other.loc[0, "value"] == one.loc[0, "value"]


def test_evaluate_embedding_by_a_metric_between_cells_writes_no_distances(fitted, unchanged):
    fitted.obs["half"] = np.where(fitted.obs["set"].cat.codes < 5, "a", "b")
    with unchanged(fitted):
        table = tl.evaluate_embedding(
            fitted, label_key="half", metric=["embedding", "energy"], n_permutations=9, n_draws=9
        )
    assert "distances" not in fitted.uns["gde"]
    assert np.isfinite(table["value"]).all()


def test_order_key_takes_ordered_categories(adata):
    adata.obs["stage"] = pd.cut(adata.obs["time"], 4, labels=["I", "II", "III", "IV"])
    assert evaluate(adata, order_key="stage").loc[1, "value"] > 0.8


def test_evaluate_embedding_says_what_is_wrong(adata):
    with pytest.raises(ValueError, match=r"A column is required in one of \['label_key', 'batch_key'"):
        evaluate(adata)
    with pytest.raises(ValueError, match=r"`order_key` must name numbers or an ordered categorical, but 'kind' is"):
        evaluate(adata, order_key="kind")
    with pytest.raises(ValueError, match=r"`replicate_key` must have a value that two sets share"):
        evaluate(adata[::2].copy(), replicate_key="pair")
    adata.obs["one"] = "a"
    with pytest.raises(ValueError, match=r"`label_key` must have two values or more on three sets or more, but 'one'"):
        evaluate(adata, label_key="one")
