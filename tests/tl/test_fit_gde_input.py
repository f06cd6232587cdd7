"""Input of every kind to `fit_gde`: it works, or it says why and leaves the AnnData as it was."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from scgde import tl


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"groupby": "patient"}, KeyError, r"`groupby` must name columns of `adata.obs`, got \['patient'\]"),
        ({"groupby": ["set", "day"]}, KeyError, r"got \['day'\]"),
        ({"groupby": 3}, TypeError, "`groupby` must be a column name or a list"),
        ({"groupby": []}, ValueError, "`groupby` must name at least one column"),
        ({"use_rep": "X_scvi"}, KeyError, '`use_rep` must be "X" or name an entry of `adata.obsm`'),
        ({"layer": "spliced"}, KeyError, "`layer` must name a layer of `adata`, got 'spliced'"),
        ({"use_rep": "X_pca", "layer": "counts"}, ValueError, "`use_rep` and `layer` exclude each other"),
        ({"mask": "unknown"}, KeyError, "`mask` must name columns"),
        ({"mask": [True]}, ValueError, "`mask` must be boolean with one value per cell"),
        ({"mask": "set"}, ValueError, "`mask` must be boolean"),
        ({"min_cells": 100}, ValueError, "all too small: the biggest has"),
        ({"min_cells": 0}, ValueError, "`min_cells` must be at least 1, got 0"),
        ({"min_cells": 2.5}, TypeError, "`min_cells` must be an integer"),
        ({"encoder": "transformer"}, ValueError, "`encoder` must be one of .*deep_sets.*, got 'transformer'"),
        ({"generator": "gan"}, ValueError, "`generator` must be one of .*flow_matching.*, got 'gan'"),
        ({"scaling": "robust"}, ValueError, "`scaling` must be one of"),
        ({"n_latent": 0}, ValueError, "`n_latent` must be at least 1"),
        ({"isometry": -1.0}, ValueError, "`isometry` must be zero or positive"),
        ({"max_steps": 0}, ValueError, "`max_steps` must be at least 1, got 0"),
        ({"max_steps": -5}, ValueError, "`max_steps` must be at least 1, got -5"),
        ({"sets_per_batch": -1}, ValueError, "`sets_per_batch` must be at least 1"),
        ({"set_size": 0}, ValueError, "`set_size` must be at least 1"),
        ({"validation_fraction": 1.5}, ValueError, r"`validation_fraction` must be a number in \[0, 1\]"),
        ({"seed": -1}, ValueError, "`seed` must be at least 0"),
        ({"seed": "a"}, TypeError, "`seed` must be an integer"),
        ({"key_added": "a/b"}, ValueError, "`key_added` must be a name without '/'"),
        ({"split_key": "unknown"}, KeyError, "`split_key` must name columns"),
        (
            {"split_key": "included"},
            ValueError,
            "`split_key` must name a column that is constant within sets, but 'included'",
        ),
        ({"split_key": "donor"}, ValueError, 'the value "train" for at least two sets'),
        ({"train_kwargs": {"target_size": 0}}, ValueError, "`target_size` must be at least 1"),
        ({"train_kwargs": {"n_mixed": 0}}, ValueError, r"`train_kwargs\['n_mixed'\]` must be at least 1"),
        ({"train_kwargs": {"mixing_alpha": 0.0}}, ValueError, "`mixing_alpha` must be positive"),
        ({"train_kwargs": {"lr": -1.0}}, ValueError, "`lr` must be positive"),
        ({"train_kwargs": {"patience": 0}}, ValueError, "`patience` must be at least 1"),
        (
            {"train_kwargs": {"steps_per_validation": 0}},
            ValueError,
            "`steps_per_validation` must be at least 1",
        ),
        ({"train_kwargs": {"ema_decay": 2.0}}, ValueError, "`ema_decay` must be a number"),
        ({"train_kwargs": {"precision": "8-bit"}}, ValueError, "`precision` must be one of .*, got '8-bit'"),
        ({"encoder_kwargs": {"n_hidden": 1j}}, TypeError, "Options must hold numbers, text, lists"),
        (
            {"encoder_kwargs": {"widht": 3}},
            TypeError,
            r"`encoder_kwargs` must be options of 'pooled_gnn', got .'widht'",
        ),
    ],
    ids=str,
)
def test_fit_gde_refuses_options_and_changes_nothing(cells, fit, unchanged, options, error, match):
    with unchanged(cells), pytest.raises(error, match=match):
        fit(cells, **options)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_fit_gde_refuses_features_that_are_not_finite(cells, fit, unchanged, value):
    cells.X[[3, 8], 1] = value
    with unchanged(cells), pytest.raises(ValueError, match="must be finite, got NaN or infinity in 2 cells"):
        fit(cells)


def test_fit_gde_refuses_features_too_large_for_float32(cells, fit, unchanged):
    cells.X = cells.X.astype(np.float64)
    cells.X[0, 0] = 1e200
    with unchanged(cells), pytest.raises(ValueError, match="must be finite"), np.errstate(over="ignore"):
        fit(cells)


def test_fit_gde_takes_nan_in_cells_outside_of_all_sets(cells, fit):
    cells.obs["donor"] = cells.obs["donor"].where(cells.obs["included"])
    cells.X[~cells.obs["included"].to_numpy()] = np.nan
    fit(cells, "donor")
    np.testing.assert_array_equal(np.isfinite(cells.obsm["X_gde"]).all(axis=1), cells.obs["included"])


def test_fit_gde_refuses_text_in_obsm(cells, fit, unchanged):
    text = np.where(np.arange(cells.n_obs) % 2, "a", "b")
    cells.obsm["X_text"] = pd.DataFrame({"number": np.zeros(cells.n_obs), "text": text}, index=cells.obs_names)
    with unchanged(cells), pytest.raises(TypeError, match="must be numbers, got dtype object"):
        fit(cells, use_rep="X_text")


def test_fit_gde_refuses_text_in_x(cells, fit, unchanged):
    cells.X = cells.X.astype(str).astype(object)
    with unchanged(cells), pytest.raises(TypeError, match=r"`adata.X` must be numbers, got dtype object"):
        fit(cells)


UNFIT_ENTRIES = [
    (lambda n: np.arange(3 * n).reshape(n, 3), TypeError, "real numbers, got integers of type int64"),
    (lambda n: np.ones((n, 3), dtype=np.uint8), TypeError, "real numbers, got integers of type uint8"),
    (lambda n: pd.DataFrame({"a": range(n), "b": range(n)}), TypeError, "real numbers, got integers of type int64"),
    (lambda n: sparse.csr_matrix(np.ones((n, 3), dtype=np.int32)), TypeError, "real numbers, got integers"),
    (lambda n: np.ones((n, 2, 3), dtype=np.float32), ValueError, r"must have shape \(n_obs, n_features\), got"),
]


@pytest.mark.parametrize("argument", ["use_rep", "generate"])
@pytest.mark.parametrize("function", ["fit_gde", "fit_tde"])
@pytest.mark.parametrize(
    ("entry", "error", "match"),
    UNFIT_ENTRIES,
    ids=["int64", "uint8", "frame", "sparse", "three dimensions"],
)
def test_entries_of_other_kinds_of_cells_are_refused_before_any_work(
    cells, tiny, tiny_tde, unchanged, monkeypatch, function, argument, entry, error, match
):
    value = entry(cells.n_obs)
    cells.obsm["X_other"] = value.set_axis(cells.obs_names) if isinstance(value, pd.DataFrame) else value
    # The first that either does with the cells.
    for name in ("scgde.tl._fit_gde.group_cells", "scgde.tl._fit_tde.pair_sets"):
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("work was done"))
    options = {argument: "X_other", **(tiny if function == "fit_gde" else tiny_tde)}
    message = rf"`adata.obsm\['X_other'\]` .*{match}.*Kinds of cells: \[.*'vectors'.*\]"
    with unchanged(cells), pytest.raises(error, match=message):
        getattr(tl, function)(cells, "donor", **options)


@pytest.mark.filterwarnings("ignore:.* holds whole numbers:UserWarning")
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_whole_numbers_are_taken_where_they_are_counts_or_said_to_be_coordinates(cells, fit, convert):
    counts = cells.layers["counts"]
    cells.obsm["X_whole"] = convert(counts.astype(float))
    fit(cells, use_rep="X_whole", scaling="feature")
    by_entry = cells.obsm["X_gde"].copy()
    cells.layers["counts"] = convert(counts)
    fit(cells, layer="counts")
    np.testing.assert_array_equal(cells.obsm["X_gde"], by_entry)


def test_fit_gde_refuses_x_that_is_none(cells, fit):
    empty = ad.AnnData(obs=cells.obs)
    with pytest.raises(ValueError, match="X is None"):
        fit(empty)
    assert "gde" not in empty.uns


def test_fit_gde_refuses_one_set(cells, fit, unchanged):
    one = cells[cells.obs["donor"] == "set_0"].copy()
    assert one.n_obs > 0
    with unchanged(one), pytest.raises(ValueError, match=r"At least 2 sets .*are required to fit, got 1"):
        fit(one)


def test_fit_gde_refuses_one_set_that_is_large_enough(cells, fit, unchanged):
    sizes = cells.obs["donor"].value_counts().sort_values()
    two = cells[cells.obs["donor"].isin([sizes.index[0], sizes.index[-1]])].copy()
    with unchanged(two), pytest.raises(ValueError, match="At least 2 sets"):
        fit(two, min_cells=int(sizes.iloc[-1]))


def test_fit_gde_warns_once_of_the_sets_that_it_drops(cells, fit):
    sizes = cells.obs["donor"].value_counts()
    min_cells = int(sizes.median())
    with pytest.warns(UserWarning, match=f"fewer than `min_cells={min_cells}` cells") as record:
        fit(cells, min_cells=min_cells)
    assert len(record) == 1
    assert record[0].filename.endswith("conftest.py")  # the line that called
    assert set(cells.obs["gde_set"].cat.categories) == set(sizes.index[sizes >= min_cells])


def test_fit_gde_takes_obs_names_that_repeat(cells, fit):
    repeated = cells.copy()
    repeated.obs_names = ["cell"] * cells.n_obs
    fit(repeated)
    fit(cells)
    np.testing.assert_array_equal(repeated.obsm["X_gde"], cells.obsm["X_gde"])


def test_fit_gde_makes_a_view_actual_and_leaves_its_parent_alone(cells, fit, unchanged):
    view = cells[cells.obs["included"]]
    assert view.is_view
    with unchanged(cells):
        fit(view)
    assert not view.is_view
    assert view.obsm["X_gde"].shape == (view.n_obs, 4)


def test_fit_gde_leaves_a_view_alone_when_it_fails(cells, fit, unchanged):
    view = cells[cells.obs["included"]]
    with unchanged(view), pytest.raises(ValueError, match="all too small"):
        fit(view, min_cells=1000)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array], ids=str)
def test_fit_gde_gives_the_same_numbers_for_each_format_of_x(fitted, cells, fit, convert):
    cells.X = convert(cells.X)
    fit(cells, validation_fraction=0.2)
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])


@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, sparse.csc_matrix], ids=str)
def test_fit_gde_reads_a_backed_file_and_leaves_it_alone(fitted, cells, fit, tmp_path, convert, mode):
    cells.X = convert(cells.X)
    path = tmp_path / "cells.h5ad"
    cells.write_h5ad(path)
    before = path.read_bytes()
    backed = ad.read_h5ad(path, backed=mode)
    fit(backed, validation_fraction=0.2)
    np.testing.assert_array_equal(backed.obsm["X_gde"], fitted.obsm["X_gde"])
    backed.file.close()
    assert path.read_bytes() == before


def test_fit_gde_says_why_a_view_of_a_backed_file_is_refused(cells, fit, unchanged, tmp_path):
    path = tmp_path / "cells.h5ad"
    cells.obsm["X_rep"] = cells.X.copy()
    cells.write_h5ad(path)
    backed = ad.read_h5ad(path, backed="r")
    for use_rep in ("X", "X_rep"):
        with pytest.raises(ValueError, match=r"must not be a view of a backed file.*to_memory"):
            fit(backed[backed.obs["included"]], use_rep=use_rep)
    assert "gde" not in backed.uns
    backed.file.close()


def test_fit_gde_casts_float64(fitted, cells, fit):
    cells.X = cells.X.astype(np.float32).astype(np.float64)
    fit(cells, validation_fraction=0.2)
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])
    assert cells.X.dtype == np.float64


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=str)
def test_fit_gde_takes_whole_numbers_in_a_layer_with_a_warning(cells, fit, convert):
    cells.layers["counts"] = convert(cells.layers["counts"])
    dtype = cells.layers["counts"].dtype
    with pytest.warns(
        UserWarning, match=r"`adata.layers\['counts'\]` holds whole numbers, .* fit with `cells=\"counts\""
    ):
        model = fit(cells, layer="counts")
    assert np.isfinite(cells.obsm["X_gde"]).all()
    assert cells.uns["gde"]["params"]["layer"] == "counts"
    assert cells.layers["counts"].dtype == dtype
    assert model.representation.names == cells.var_names.tolist()


def test_fit_gde_takes_a_data_frame_in_obsm(fitted, cells, fit):
    cells.obsm["X_frame"] = pd.DataFrame(cells.X, index=cells.obs_names, columns=list("abcd"))
    fit(cells, use_rep="X_frame", scaling="feature", validation_fraction=0.2)
    np.testing.assert_array_equal(cells.obsm["X_gde"], fitted.obsm["X_gde"])


def test_fit_gde_prefers_x_pca(cells, fit):
    cells.obsm["X_pca"] = cells.X[:, :3]
    assert fit(cells).representation.use_rep == "X_pca"


def test_fit_gde_takes_x_pca_when_x_is_text(cells, fit):
    cells.obsm["X_pca"] = cells.X[:, :3]
    cells.varm["PCs"] = np.eye(4, 3)
    cells.X = cells.X.astype(str).astype(object)
    assert fit(cells).representation.loadings is None


def test_fit_gde_takes_features_that_are_all_zero(cells, fit):
    cells.X = sparse.csr_matrix(cells.shape, dtype=np.float32)
    fit(cells)
    assert np.isfinite(cells.obsm["X_gde"]).all()


def test_fit_gde_leaves_out_unused_categories(cells, fit):
    cells.obs["donor"] = cells.obs["donor"].astype("category").cat.add_categories(["nobody"])
    fit(cells, "donor")
    assert "nobody" not in cells.uns["gde"]["sets"].index
    assert "nobody" not in cells.obs["gde_set"].cat.categories


@pytest.mark.parametrize(
    "column",
    [
        lambda n: np.arange(n) % 2 == 0,
        lambda n: pd.Categorical(np.arange(n) % 3, categories=[2, 0, 1], ordered=True),
        lambda n: np.where(np.arange(n) % 3 == 0, np.nan, np.arange(n) % 2),
        lambda n: pd.array(np.arange(n) % 2, dtype="Int64"),
    ],
    ids=["boolean", "ordered", "float with NaN", "nullable integer"],
)
def test_fit_gde_takes_group_columns_of_many_types(cells, fit, round_trip, column):
    cells.obs["group"] = column(cells.n_obs)
    fit(cells, "group")
    table = round_trip(cells).uns["gde"]["sets"]
    assert table["n_cells"].sum() == cells.obs["group"].notna().sum()
    outside = cells.obs["group"].isna().to_numpy()
    np.testing.assert_array_equal(np.isnan(cells.obsm["X_gde"]).all(axis=1), outside)
    np.testing.assert_array_equal(cells.obs["gde_set"].isna(), outside)


def test_fit_gde_groups_by_several_columns(cells, fit):
    cells.obs["day"] = np.where(cells.obs["included"], 1, 2)
    with pytest.warns(UserWarning, match="Dropped"):
        fit(cells, ["donor", "day"], min_cells=3)
    table = cells.uns["gde"]["sets"]
    assert {"donor", "day", "n_cells"} <= set(table)
    assert (table.index == table["donor"].astype(str) + "|" + table["day"].astype(str)).all()


def test_fit_gde_uses_the_cells_of_the_mask_only(cells, fit):
    fit(cells, mask="included", key_added="masked")
    alone = cells[cells.obs["included"]].copy()
    fit(alone)
    np.testing.assert_array_equal(cells.obsm["X_masked"][cells.obs["included"]], alone.obsm["X_gde"])
    assert np.isnan(cells.obsm["X_masked"][~cells.obs["included"]]).all()


def test_fit_gde_takes_sets_of_one_cell(cells, fit):
    single = cells[~cells.obs["donor"].duplicated()].copy()
    fit(single, min_cells=1)
    assert (single.uns["gde"]["sets"]["n_cells"] == 1).all()
    assert np.isfinite(single.obsm["X_gde"]).all()


@pytest.mark.parametrize("n_sets", [2, 3])
def test_fit_gde_takes_few_sets(cells, fit, n_sets):
    names = cells.obs["donor"].unique()[:n_sets]
    few = cells[cells.obs["donor"].isin(names)].copy()
    fit(few, validation_fraction=0.5)
    sets = few.uns["gde"]["sets"]
    assert len(sets) == n_sets
    assert (sets["split"] == "train").sum() == 2


def test_fit_gde_takes_sets_smaller_than_set_size(cells, fit):
    fit(cells, set_size=50)
    assert np.isfinite(cells.obsm["X_gde"]).all()


@pytest.mark.parametrize("name", ["set", "index", "gde"])
def test_fit_gde_takes_group_columns_of_any_name(cells, fit, tmp_path, name):
    cells.obs[name] = cells.obs["donor"].to_numpy()
    fit(cells, name)
    cells.write_h5ad(tmp_path / "cells.h5ad")
    back = ad.read_h5ad(tmp_path / "cells.h5ad").uns["gde"]["sets"]
    assert back.index.tolist() == back[name].astype(str).tolist()


def test_fit_gde_again_overwrites_cleanly(cells, fit):
    fit(cells)
    first = cells.copy()
    fit(cells)
    pd.testing.assert_frame_equal(cells.uns["gde"]["sets"], first.uns["gde"]["sets"])
    pd.testing.assert_frame_equal(cells.obs, first.obs)
    np.testing.assert_array_equal(cells.obsm["X_gde"], first.obsm["X_gde"])
    assert list(cells.uns) == list(first.uns)


@pytest.mark.parametrize("where", ["obs", "obsm", "uns"])
def test_fit_gde_overwrites_nothing_that_it_did_not_write(cells, fit, unchanged, where):
    taken = {"obs": ("gde_set", 1.5), "obsm": ("X_gde", np.ones((cells.n_obs, 2))), "uns": ("gde", {"a": 1})}
    name, value = taken[where]
    getattr(cells, where)[name] = value
    with unchanged(cells), pytest.raises(ValueError, match=rf"'gde' would overwrite adata.{where}\['{name}'\]"):
        fit(cells)
    fit(cells, key_added="mine")
    fit(cells, key_added="mine")


def test_fit_gde_can_group_by_its_own_column(cells, fit):
    fit(cells)
    before = cells.obs["gde_set"].astype(str).tolist()
    fit(cells, "gde_set")
    assert cells.obs["gde_set"].astype(str).tolist() == before


def test_fit_gde_takes_numpy_numbers(cells, fit, tmp_path):
    fit(
        cells,
        n_latent=np.int64(3),
        max_steps=np.int32(5),
        encoder_kwargs={"n_hidden": np.int64(8)},
        seed=np.int64(1),
    )
    cells.write_h5ad(tmp_path / "cells.h5ad")
    params = ad.read_h5ad(tmp_path / "cells.h5ad").uns["gde"]["params"]
    assert params["n_latent"] == 3
    assert params["encoder_kwargs"]["n_hidden"] == 8
