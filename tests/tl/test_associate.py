from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scgde import tl


@pytest.fixture
def adata():
    """Forty sets; age and centre go together, and shift the first axis; the group shifts the second."""
    rng = np.random.default_rng(0)
    centre = np.tile(["u", "v"], 20)
    age = 40 + 10 * (centre == "v") + rng.normal(size=40)
    group = np.repeat(["a", "b"], 20)
    x = rng.normal(size=(40, 3))
    x[:, 0] += 0.3 * age
    x[:, 1] += 2.0 * (group == "b")
    obs = {
        "age": age,
        "centre": centre,
        "group": group,
        "noise": rng.normal(size=40),
        "name": [f"n{i}" for i in range(40)],
    }
    return ad.AnnData(x, obs=pd.DataFrame(obs, index=[f"s{i}" for i in range(40)]))


def associate(adata, condition_keys=None, **options):
    return tl.associate(adata, condition_keys, key=None, **options)


def test_associate_gives_the_share_of_variance(adata):
    table = associate(adata, ["age", "group"])
    y = adata.X - adata.X.mean(axis=0)
    age = adata.obs["age"].to_numpy() - adata.obs["age"].mean()
    explained = ((age @ y) ** 2).sum() / (age @ age)
    assert table.loc["age", "r2"] == pytest.approx(explained / (y**2).sum())
    assert table.loc["age", "adjusted_r2"] == pytest.approx(1 - (1 - table.loc["age", "r2"]) * 39 / 38)
    assert table["kind"].to_dict() == {"age": "continuous", "group": "categorical"}
    assert table["df"].tolist() == [1, 1]


def test_associate_finds_what_is_there(adata):
    table = associate(adata)
    assert set(table.index[:3]) == {"age", "centre", "group"}
    assert (table.loc[["age", "centre", "group"], "q_value"] < 0.05).all()
    assert table.loc["noise", "p_value"] > 0.05
    assert table.loc["noise", "adjusted_r2"] < 0.05


def test_associate_adjusts(adata):
    """What the centre explains is due to age, but what age explains is not due to the centre."""
    table = associate(adata, ["centre", "group"], adjust_keys="age")
    assert table.loc["centre", "p_value"] > 0.05
    assert table.loc["group", "p_value"] < 0.01
    assert associate(adata, "age", adjust_keys=["centre", "group"]).loc["age", "p_value"] > 0.001


def test_associate_keeps_its_level_with_a_strong_nuisance():
    rng, p = np.random.default_rng(0), []
    for _ in range(150):
        age = rng.normal(size=20)
        obs = pd.DataFrame({"age": age, "x": age + rng.normal(size=20)}, index=[str(i) for i in range(20)])
        data = ad.AnnData(3 * age[:, None] + rng.standard_exponential(size=(20, 2)), obs=obs)
        p.append(associate(data, "x", adjust_keys="age", n_permutations=99).loc["x", "p_value"])
    assert np.mean(np.array(p) <= 0.1) == pytest.approx(0.1, abs=2.5 * (0.1 * 0.9 / 150) ** 0.5)


def test_associate_leaves_out_missing_values_of_each_covariate(adata):
    adata.obs.loc["s3", "age"] = np.nan
    adata.obs["few"] = adata.obs["group"].where(np.arange(40) % 4 == 0)
    table = associate(adata, ["age", "few", "noise"])
    assert table["n_sets"].to_dict() == {"age": 39, "few": 10, "noise": 40}
    assert table["n_missing"].to_dict() == {"age": 1, "few": 30, "noise": 0}
    np.testing.assert_allclose(table.loc["few", "r2"], associate(adata[::4].copy(), "few").loc["few", "r2"])
    assert associate(adata, "noise", adjust_keys="age").loc["noise", "n_sets"] == 39


def test_associate_says_why_a_covariate_was_not_tested(adata):
    adata.obs["one"], adata.obs["none"] = 1, None
    adata.obs["copy"] = adata.obs["group"].astype("category").cat.rename_categories({"a": 1, "b": 2})
    table = associate(adata, ["name", "one", "none", "copy"], adjust_keys="group")
    notes = {
        "name": "nearly every set has a value of its own",
        "one": "no two values",
        "none": "no two values",
        "copy": "given by what it is adjusted for",
    }
    assert table["note"].to_dict() == notes
    assert table[["r2", "statistic", "p_value", "q_value"]].isna().all(axis=None)


def test_associate_gives_false_discovery_rates_of_tested_covariates(adata):
    table = associate(adata)
    tested = table[table["note"] == ""]
    assert table.index[table["note"] != ""].tolist() == ["name"]
    np.testing.assert_allclose(tested["q_value"], stats.false_discovery_control(tested["p_value"]))
    assert table["adjusted_r2"].dropna().is_monotonic_decreasing


def test_associate_reads_the_set_table(fitted):
    table = tl.associate(fitted, n_permutations=19)
    assert "n_cells" in table.index
    assert "split" not in table.index


def test_associate_says_what_means_of_sets_explain(fitted):
    """A covariate that is the mean of the cells along the axis on which means differ most."""
    rows = fitted.obs.groupby("gde_set", observed=True).indices
    names = fitted.uns["gde"]["sets"].index
    means = np.stack([np.asarray(fitted.X)[rows[name]].mean(axis=0) for name in names])
    axis = np.linalg.svd(means - means.mean(axis=0))[2][0]
    fitted.uns["gde"]["sets"]["position"] = means @ axis
    table = tl.associate(fitted, "position", n_permutations=9)
    assert table.loc["position", "pseudobulk_r2"] > 0.3
    left_out = tl.associate(fitted, "position", n_permutations=9, baselines=False)
    assert np.isnan(left_out.loc["position", "pseudobulk_r2"])
    assert left_out.loc["position", "adjusted_r2"] == table.loc["position", "adjusted_r2"]


def test_associate_by_a_metric_between_cells_writes_no_distances(fitted, unchanged):
    fitted.obs["half"] = np.where(fitted.obs["set"].cat.codes < 5, "a", "b")
    with unchanged(fitted):
        by_cells, by_embedding = (
            tl.associate(fitted, "half", metric=metric, n_permutations=19) for metric in ("energy", "embedding")
        )
    assert "distances" not in fitted.uns["gde"]
    assert by_cells.loc["half", "r2"] != by_embedding.loc["half", "r2"]


def test_associate_reads_columns_of_the_user_called_as_those_of_the_fit(cells, fit):
    """Not what the fit used each set for, nor how often it drew it."""
    code = cells.obs["set"].cat.codes.to_numpy()
    cells.obs["density"] = 1.0 + code % 2
    fit(cells, set_weights="density", validation_fraction=0.2)
    assert {"split", "weight"} <= set(cells.uns["gde"]["sets"])
    cells.obs["split"] = cells.obs["half"] = np.where(code < 5, "train", "test")
    cells.obs["weight"] = cells.obs["mass"] = 60 + np.sqrt(code)
    table = tl.associate(cells, ["split", "half", "weight", "mass"], n_permutations=1)
    assert table["kind"].to_dict() == {
        "split": "categorical",
        "half": "categorical",
        "weight": "continuous",
        "mass": "continuous",
    }
    for name, other in (("split", "half"), ("weight", "mass")):
        assert table.loc[name, ["r2", "statistic"]].tolist() == table.loc[other, ["r2", "statistic"]].tolist()
    adjusted = [
        tl.associate(cells, "half", adjust_keys=name, n_permutations=1)["r2"].item() for name in ("weight", "mass")
    ]
    assert adjusted[0] == adjusted[1]


def test_associate_is_reproducible(adata):
    pd.testing.assert_frame_equal(associate(adata, seed=1), associate(adata, seed=1))
    assert (associate(adata, seed=1)["p_value"] != associate(adata, seed=2)["p_value"]).any()


def test_associate_says_what_is_wrong(adata):
    with pytest.raises(ValueError, match=r"must not share columns, got \['age'\] in both"):
        associate(adata, ["age", "group"], adjust_keys="age")
    with pytest.raises(KeyError, match=r"`adjust_keys` must name a column"):
        associate(adata, adjust_keys="x")
