"""Random labels that a fit has learnt from are predicted from its embedding; no path may call that a result."""

from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import get, tl
from scgde.model import GDE
from scgde.model._io import _CONFIG_DIGEST

N_SETS, N_CELLS = 16, 12
NOISE = np.random.default_rng(1).permutation(np.repeat([0, 1], N_SETS // 2))
AGE = np.random.default_rng(2).permutation(np.arange(30, 30 + N_SETS)) + 0.5


def donors(seed=0, prefix="d"):
    """Sets of cells that do not differ, with labels that mean nothing."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    obs = {
        "donor": pd.Categorical([f"{prefix}{i:02d}" for i in codes]),
        "noise": np.where(NOISE, "yes", "no")[codes],
        "age": AGE[codes],
        "other": np.where(np.arange(N_SETS) % 4 < 2, "a", "b")[codes],
        "part": np.where(np.arange(N_SETS) < 8, "train", "test")[codes],
    }
    index = [f"{prefix}{i}" for i in range(len(codes))]
    return ad.AnnData(rng.normal(size=(len(codes), 3)).astype(np.float32), obs=pd.DataFrame(obs, index=index))


@pytest.fixture(scope="module")
def fitted_once(fit):
    adata = donors()
    options = {"max_steps": 300, "label_weight": 30.0, "sets_per_batch": 16, "set_size": 24}
    fast = {"encoder_kwargs": {"n_hidden": 64}, "train_kwargs": {"lr": 1e-2}}
    fit(adata, "donor", label_key="noise", validation_fraction=0, **options, **fast)
    return adata


@pytest.fixture
def fitted(fitted_once):
    return fitted_once.copy()


def with_column(adata, name, per_set):
    adata.obs[name] = np.asarray(per_set)[adata.obs["donor"].cat.codes]
    return adata


def balanced_accuracy(adata, label_key):
    report = tl.classify(adata, label_key, n_splits=4, n_repeats=3, baselines=False)
    return report.set_index("score").loc["balanced_accuracy", "value"]


SEEN = r"must be a label that the fit has not learnt from, but it was trained with 'noise'"


def test_random_labels_are_learnt(fitted):
    """Else nothing here would test anything: where the model does not tell, they are predicted."""
    config = json.loads(fitted.uns["gde"]["model"]["config"])
    config["fitted_on"]["label_key"] = config["labels_seen"] = None
    del config[_CONFIG_DIGEST]  # by which the change would be refused
    fitted.uns["gde"]["model"]["config"] = json.dumps(config)
    assert balanced_accuracy(fitted, "noise") > 0.85
    assert balanced_accuracy(fitted, "other") < 0.8


VALUES = {
    "copy": np.where(NOISE, "yes", "no"),
    "renamed": np.where(NOISE, "case", "control"),
    "numbers": NOISE,
    "truth values": NOISE.astype(bool),
    "one label corrected": np.where(np.arange(N_SETS) == 3, 1 - NOISE, NOISE),
    "three classes": np.where(NOISE, np.where(np.arange(N_SETS) % 4 < 2, "severe", "mild"), "none"),
    "incomplete": np.where(np.arange(N_SETS) < 12, np.where(NOISE, "yes", "no"), "NA"),
}


@pytest.mark.parametrize("name", VALUES)
def test_labels_that_were_learnt_are_not_tested_under_another_name(fitted, name):
    with_column(fitted, name, VALUES[name])
    for test in (
        lambda: tl.classify(fitted, name, n_splits=2, baselines=False),
        lambda: tl.compare_groups(fitted, name),
        lambda: tl.compare_all_groups(fitted, ["other", name]),
        lambda: tl.evaluate_embedding(fitted, label_key=name),
    ):
        with pytest.raises(ValueError, match=SEEN):
            test()


def _embedded(fitted, reference=None):
    cells = donors()
    tl.embed(cells, fitted if reference is None else reference)
    return cells


def _through_a_folder(fitted, tmp_path):
    tl.embed(cells := donors(), fitted)
    model = GDE.load(_saved(cells, tmp_path))
    return _embedded(fitted, model)


def _saved(adata, folder):
    from scgde.results import read_model

    read_model(adata, "gde").save(folder / "model")
    return folder / "model"


PATHS = {
    "fit": lambda fitted, _: fitted,
    "embedded": lambda fitted, _: _embedded(fitted),
    "embedded from what was embedded": lambda fitted, _: _embedded(_embedded(fitted)),
    "embedded from a folder": lambda fitted, tmp_path: _embedded(fitted, _saved(fitted, tmp_path)),
    "embedded from a model that was loaded": _through_a_folder,
    "subset": lambda fitted, _: fitted[fitted.obs["donor"].isin([f"d{i:02d}" for i in range(12)])].copy(),
}


@pytest.mark.parametrize("name", ["noise", "copy"])
@pytest.mark.parametrize("path", PATHS)
def test_labels_that_were_learnt_are_not_tested_on_any_path(fitted, path, name, tmp_path):
    adata = with_column(PATHS[path](fitted, tmp_path), "copy", VALUES["copy"])
    with pytest.raises(ValueError, match=SEEN):
        tl.classify(adata, name, n_splits=2, baselines=False)
    sets = get.sets(adata)
    sets.obs[name] = adata.obs.groupby("donor", observed=True)[name].first().loc[sets.obs_names].to_numpy()
    for key, cells in (("gde", adata), (None, sets)):
        with pytest.raises(ValueError, match=SEEN):
            tl.compare_groups(cells, name, key=key)
        row = tl.associate(cells, [name, "other"], key=key, n_permutations=9).loc[name]
        assert np.isnan(row["p_value"])
        assert "the fit" in row["note"]


def test_labels_that_were_learnt_are_known_after_a_round_trip(fitted, round_trip):
    for adata in (round_trip(fitted), round_trip(_embedded(fitted))):
        with pytest.raises(ValueError, match=SEEN):
            tl.classify(adata, "noise", n_splits=2, baselines=False)
    with pytest.raises(ValueError, match=SEEN):
        tl.compare_groups(round_trip(get.sets(fitted)), "noise", key=None)


def test_labels_of_sets_that_the_fit_has_not_seen_are_tested(fitted, fit):
    new = donors(seed=5, prefix="new")
    tl.embed(new, fitted)
    assert 0.1 < balanced_accuracy(new, "noise") < 0.9
    split = donors()
    fit(split, "donor", label_key="noise", split_key="part")
    with pytest.raises(ValueError, match=r"of 8 sets: \['d00', 'd01'"):
        tl.classify(split, "noise", n_splits=2, baselines=False)
    tl.classify(split[split.obs["part"] == "test"].copy(), "noise", n_splits=2, baselines=False)


def test_labels_that_were_not_learnt_are_tested(fitted):
    for name in ("other", "age"):
        tl.classify(fitted, name, n_splits=2, baselines=False)
        tl.evaluate_embedding(fitted, label_key=name, n_permutations=9, n_draws=9)
    tl.compare_groups(fitted, "other")
    tl.classify(fitted, "noise", n_splits=0)
    tl.compare_groups(fitted, "noise", metric="energy")  # of cells, which have seen no label


@pytest.mark.parametrize(
    "values", [AGE, np.log(AGE), -AGE, np.median(AGE) < AGE], ids=["copy", "logarithm", "negative", "two parts"]
)
def test_numbers_that_were_learnt_are_not_tested_in_other_units(fit, values):
    adata = with_column(donors(), "changed", values)
    fit(adata, "donor", label_key="age", max_steps=2)
    with pytest.raises(ValueError, match=r"it was trained with 'age', from which 'changed' is known"):
        tl.classify(adata, "changed", n_splits=2, baselines=False)


def test_an_earlier_version_did_not_say_of_which_sets(fitted):
    config = json.loads(fitted.uns["gde"]["model"]["config"])
    # Nor did it store digests.
    for name in ("labels_seen", *(name for name in config if name.endswith("sha256"))):
        del config[name]
    fitted.uns["gde"]["model"]["config"] = json.dumps(config)
    for adata in (fitted, _embedded(fitted)):
        with pytest.raises(ValueError, match=SEEN):
            tl.classify(adata, "noise", n_splits=2, baselines=False)
