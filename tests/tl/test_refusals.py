"""What cannot be meant is refused in one sentence, before any work, and leaves the data as it was."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import metrics, tl

FITS = [
    ({"isometry": ""}, TypeError, "`isometry` must be a number, got ''"),
    ({"encoder_kwargs": {"n_hidden": 0}}, ValueError, r"`encoder_kwargs\['n_hidden'\]` must be at least 1, got 0"),
    ({"encoder_kwargs": {"n_hidden": -1}}, ValueError, r"`encoder_kwargs\['n_hidden'\]` must be at least 1, got -1"),
    ({"generator_kwargs": 3}, TypeError, "`generator_kwargs` must be a dict of options by name, got 3"),
    ({"train_kwargs": {"gradient_clip": -1}}, ValueError, "`gradient_clip` must be zero or positive"),
    ({"train_kwargs": {"weight_decay": "x"}}, TypeError, "`weight_decay` must be a number, got 'x'"),
    ({"train_kwargs": {"precision": "bf16-true"}}, ValueError, "`precision` must be one of"),
    ({"train_kwargs": 3}, TypeError, "`train_kwargs` must be a dict of options by name, got 3"),
    (
        {"train_kwargs": {"devices": 2}},
        TypeError,
        "`train_kwargs` must hold no argument of `fit_gde`, got 'devices'. Pass `devices=` itself",
    ),
    ({"train_kwargs": {"train_sets": ["s"]}}, TypeError, "got 'train_sets'. .* Choose sets with `split_key`"),
    ({"train_kwargs": {"patiance": 2}}, TypeError, "got 'patiance'. .* Did you mean 'patience'"),
    ({"encoder_kwargs": {"n_embed": 3}}, TypeError, "`encoder_kwargs` must be options of 'pooled_gnn', got .'n_embed'"),
    ({"encoder_kwargs": {"n_hiden": 3}}, TypeError, "Did you mean 'n_hidden'"),
    ({"generator_kwargs": {"spec": 3}}, TypeError, "`generator_kwargs` must be options of 'flow_matching'"),
    (
        {"generator_kwargs": {"backbone_kwargs": {"n_extra": 3}}},
        TypeError,
        "`backbone_kwargs` must be options of 'mlp'",
    ),
    ({"devices": 99}, ValueError, "`devices` must be 1 on the CPU"),
    ({"mask": np.ones((3, 2), dtype=bool)}, ValueError, r"`mask` must be boolean .* got an array of shape \(3, 2\)"),
    (
        {"set_weights": pd.Series([1.0, 2.0], index=["s", "s"])},
        ValueError,
        "`set_weights` must have one value",
    ),
    ({"set_weights": pd.Series(["a"], index=["s"])}, TypeError, "`set_weights` must be numbers, got 'a' for 's'"),
    ({"validation_fraction": 1.0}, ValueError, "`validation_fraction` must be below 1"),
]


@pytest.mark.parametrize(("options", "error", "text"), FITS, ids=[str(options) for options, _, _ in FITS])
def test_fit_gde_refuses_options_that_cannot_be_meant(cells, fit, unchanged, options, error, text):
    with unchanged(cells), pytest.raises(error, match=text):
        fit(cells, **options)


def test_fit_gde_refuses_columns_of_one_name_and_values_without_order(cells, fit):
    doubled = cells.copy()
    doubled.obs = pd.concat([cells.obs, cells.obs[["donor"]]], axis=1)
    with pytest.raises(ValueError, match=r"got several called \['donor'\]"):
        fit(doubled)
    cells.obs["lists"] = pd.Series([[1]] * cells.n_obs, index=cells.obs_names)
    with pytest.raises(TypeError, match=r"'lists' must hold text, .* got values of type \['list'\]"):
        fit(cells, "lists")


@pytest.mark.parametrize("sets", [3, 1.5, [[0.0, 1.0]]])
def test_generate_refuses_what_is_no_name(fitted, sets):
    with pytest.raises(TypeError, match=r"`sets` must be names of sets, got .* pass an array"):
        tl.generate(fitted, sets)


def test_interpolate_takes_one_name_to_pass_and_refuses_text_as_an_interval(fitted):
    names = fitted.uns["gde"]["sets"].index
    path = tl.interpolate(fitted, names[0], names[1], via=names[2], n_steps=3, n_cells=2)
    assert list(path.uns["path"]["sets"]) == [names[0], names[2], names[1]]
    with pytest.raises(TypeError, match="`interval` must be a number, got '0'"):
        tl.interpolate(fitted, names[0], names[1], interval=("0", "1"))


JOBS = {
    "distances": lambda fitted, n: tl.distances(fitted, metric="energy", n_jobs=n),
    "embed": lambda fitted, n: tl.embed(fitted, fitted, n_jobs=n),
    "uncertainty": lambda fitted, n: tl.uncertainty(fitted, n_jobs=n),
}


@pytest.mark.parametrize("verb", JOBS)
def test_functions_refuse_no_processes(fitted, unchanged, verb):
    with unchanged(fitted), pytest.raises(ValueError, match="`n_jobs` must be at least 1, or -1 for all cores, got 0"):
        JOBS[verb](fitted, 0)
    with unchanged(fitted), pytest.raises(TypeError, match="`n_jobs` must be an integer, got 'x'"):
        JOBS[verb](fitted, "x")


def test_fit_tde_refuses_options_that_it_takes_by_name(tde_fitted, tiny_tde, unchanged):
    with unchanged(tde_fitted), pytest.raises(TypeError, match="no argument of `fit_tde`, got 'pairs'"):
        tl.fit_tde(tde_fitted, "clone", time_key="time", **tiny_tde, train_kwargs={"pairs": []})
    with unchanged(tde_fitted), pytest.raises(TypeError, match="`transport_kwargs` must be options of"):
        tl.fit_tde(tde_fitted, "clone", time_key="time", **tiny_tde | {"transport_kwargs": {"condition": 1}})


def test_classify_refuses_options_that_it_takes_by_name(fitted, unchanged):
    with unchanged(fitted), pytest.raises(TypeError, match="no argument of `classify`, got 'max_steps'"):
        tl.classify(fitted, "disease", mode="joint", train_kwargs={"max_steps": 1})


def test_classify_refuses_a_label_that_files_cannot_hold(fitted):
    fitted.obs["x/y"] = "a"
    with pytest.raises(ValueError, match="`label_key` must be a name without '/', got 'x/y'"):
        tl.classify(fitted, "x/y")


def test_embed_names_a_layer_or_matrix_that_is_missing(cells, fit):
    cells.layers["scaled"] = cells.layers["counts"] / 3
    reference = cells.copy()
    fit(reference, layer="scaled")
    new = cells.copy()
    del new.layers["scaled"]
    with pytest.raises(KeyError, match=r"`adata.layers\['scaled'\]` must hold the features, .* is not there"):
        tl.embed(new, reference)
    reference = cells.copy()
    fit(reference)
    new = ad.AnnData(obs=cells.obs, var=cells.var)
    with pytest.raises(KeyError, match=r"`adata.X` must hold the features, as in the reference, but is not there"):
        tl.embed(new, reference)


def test_fit_params_say_that_cells_and_weights_were_chosen(cells, fit):
    names = cells.obs["set"].cat.categories
    fit(cells, mask=np.ones(cells.n_obs, dtype=bool), set_weights=pd.Series(1.0, index=names))
    params = cells.uns["gde"]["params"]
    assert (params["mask"], params["set_weights"]) == ("array", "array")


def test_pairs_may_come_once(tde_fitted, tiny_tde):
    names = tde_fitted.uns["tde"]["sets"].index[:2].tolist()
    with pytest.raises(ValueError, match=r"`pairs` must name each pair once, got .* give it a weight"):
        tl.fit_tde(tde_fitted, ["clone", "time"], pairs=[names, names], **tiny_tde)


@pytest.mark.parametrize(
    ("metric", "options", "text"),
    [
        ("sinkhorn_divergence", {"max_iterations": 0}, "`max_iterations` must be at least 1"),
        ("sinkhorn_divergence", {"tolerance": np.nan}, "`tolerance` must be positive"),
        ("sliced_wasserstein", {"n_projections": 1.5}, "`n_projections` must be an integer"),
    ],
)
def test_metrics_refuse_options_that_cannot_be_meant(metric, options, text):
    with pytest.raises((TypeError, ValueError), match=text):
        getattr(metrics, metric)(np.eye(3), np.eye(3), **options)


def test_metrics_refuse_an_anndata():
    with pytest.raises(TypeError, match=r"`x` must be an array of cells, got AnnData. Pass its `.X`"):
        metrics.energy_distance(ad.AnnData(np.eye(3)), np.eye(3))
