from __future__ import annotations

from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from tests._assertions import assert_counts

from scgde import datasets, tl
from scgde.results import read_model

TINY: dict[str, Any] = {
    "cells": "counts",
    "layer": "counts",
    "sets_per_batch": 16,
    "set_size": 40,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 32},
    "train_kwargs": {"lr": 0.005, "target_size": 16},
}


def fit(adata: ad.AnnData, **options: Any) -> Any:
    return tl.fit_gde(adata, "donor", **{**TINY, **options})


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def shares(adata: ad.AnnData, column: str) -> pd.DataFrame:
    """Share of each gene in all counts of the groups of a column."""
    rows = {
        name: np.asarray(adata[part].X.sum(axis=0)).ravel() for name, part in adata.obs.groupby(column).groups.items()
    }
    table = pd.DataFrame(rows, index=adata.var_names).T
    return table.div(table.sum(axis=1), axis=0)


@pytest.fixture(scope="module")
def fitted_once() -> ad.AnnData:
    adata = datasets.cohort(24, n_genes=60, n_cells=(40, 80), n_batches=2, seed=0)
    adata.X = adata.layers["counts"].copy()
    fit(adata, max_steps=120)
    return adata


@pytest.fixture
def fitted(fitted_once) -> ad.AnnData:
    return fitted_once.copy()


def test_counts_come_out_as_they_went_in(fitted):
    cells = tl.generate(fitted, ["donor_03", "donor_01"], n_cells=30)
    assert_counts(cells, fitted)
    assert cells.obs["set"].tolist() == ["donor_03"] * 30 + ["donor_01"] * 30


def test_one_seed_gives_the_same_cells_after_a_round_trip(fitted, round_trip):
    cells = [tl.generate(one, n_cells=5, seed=3).X.toarray() for one in (fitted, fitted, round_trip(fitted))]
    np.testing.assert_array_equal(cells[0], cells[1])
    np.testing.assert_array_equal(cells[0], cells[2])
    assert (tl.generate(fitted, n_cells=5, seed=4).X.toarray() != cells[0]).any()


def test_generated_genes_follow_their_sets(fitted):
    cells = tl.generate(fitted, n_cells=200)
    truth, found = (shares(one, column).map(np.log1p) for one, column in ((fitted, "donor"), (cells, "set")))
    residual = np.square(found.loc[truth.index] - truth).to_numpy().sum()
    assert residual < 0.6 * np.square(truth - truth.mean()).to_numpy().sum()


def test_decoder_sees_leading_moments_of_the_set(fitted):
    module = read_model(fitted, "gde").module
    known = module.known_to_decoder(torch.from_numpy(fitted.uns["gde"]["embedding"]))
    # They are those of the embedding, in standard deviations of the training sets.
    assert known.conditions.shape == (24, 6)
    assert 0.8 < known.conditions.std(0).mean() < 1.2
    coordinates, sizes = torch.zeros(24, 1, module.readout.n_coordinates), torch.full((24, 1), 1e6)
    others = known._replace(conditions=0 * known.conditions)
    drawn = [module.readout.sample(coordinates, x, library_size=sizes, rng=rng()) for x in (known, others)]
    assert not torch.equal(*drawn)


def test_decoder_starts_from_the_fold_changes_of_the_set(fitted):
    fitted.obs["all"] = "all"
    module, names = read_model(fitted, "gde").module, fitted.uns["gde"]["sets"].index
    found = module.known_to_decoder(torch.from_numpy(fitted.uns["gde"]["embedding"])).log_fold.numpy()
    of_sets, of_all = (np.log(shares(fitted, column) + 1e-4) for column in ("donor", "all"))
    truth = of_sets.loc[names].to_numpy() - of_all.to_numpy()
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.8


def test_library_sizes_are_met_and_scale_means(fitted):
    few, many = (tl.generate(fitted, "donor_03", n_cells=3000, library_size=size) for size in (300, 900.0))
    assert few.obs["library_size"].mean() == pytest.approx(300, rel=0.01)
    assert many.obs["library_size"].mean() == pytest.approx(900, rel=0.01)
    high = few.X.mean(axis=0).A1 > 1
    np.testing.assert_allclose(many.X.mean(axis=0).A1[high] / few.X.mean(axis=0).A1[high], 3, rtol=0.1)


def test_library_sizes_are_the_median_or_of_each_cell(fitted):
    train = fitted.obs["gde_set"].isin(fitted.uns["gde"]["sets"].query("split == 'train'").index)
    median = np.median(np.asarray(fitted.X[train.to_numpy()].sum(axis=1)))
    cells = tl.generate(fitted, "donor_03", n_cells=2000, library_size="median")
    assert cells.obs["library_size"].mean() == pytest.approx(median, rel=0.02)
    sizes = np.repeat([100.0, 2000.0], 500)
    cells = tl.generate(fitted, ["donor_03", "donor_01"], n_cells=1000, library_size=sizes)
    mean = cells.obs["library_size"].to_numpy().reshape(2, 2, 500).mean(axis=(0, 2))
    np.testing.assert_allclose(mean, [100, 2000], rtol=0.03)


@pytest.mark.parametrize("value", [0, -3.0, np.nan, "mean", np.ones(7)])
def test_other_library_sizes_are_refused(fitted, value):
    with pytest.raises(ValueError, match=r"`library_size` must be positive: a number, \"median\" or an array"):
        tl.generate(fitted, "donor_03", n_cells=5, library_size=value)


def test_cells_drawn_without_one_have_the_library_sizes_of_the_data(fitted):
    cells = tl.generate(fitted, n_cells=100)
    found, truth = (np.log(np.asarray(one.X.sum(axis=1)).ravel() + 1) for one in (cells, fitted))
    assert found.mean() == pytest.approx(truth.mean(), abs=0.15)
    assert found.std() == pytest.approx(truth.std(), rel=0.4)


def test_new_counts_are_embedded_and_generated(fitted, round_trip):
    new = datasets.cohort(24, n_genes=60, n_cells=(40, 80), n_batches=2, seed=0)[200:500].copy()
    tl.embed(new, round_trip(fitted), min_cells=20)
    name = new.uns["gde"]["sets"].index[1]
    np.testing.assert_allclose(
        new.uns["gde"]["embedding"][1],
        fitted.uns["gde"]["embedding"][fitted.uns["gde"]["sets"].index == name][0],
        atol=1e-4,
    )
    assert tl.generate(new, n_cells=3).X.dtype == np.int32
    new.layers["counts"] = new.layers["counts"] * 0.5
    with pytest.raises(ValueError, match=r"`adata.layers\['counts'\]` must hold counts"):
        tl.embed(new, fitted)


def test_scores_distances_and_paths_of_counts(fitted):
    scores = tl.score_generation(fitted)
    assert scores["generated"].mean() < scores["pooled"].mean()
    assert np.isfinite(tl.distances(fitted, metric="energy", n_cells=30).to_numpy()).all()
    path = tl.interpolate(fitted, "donor_03", "donor_01", n_steps=3, n_cells=10, library_size="median")
    assert path.X.dtype == np.int32
    assert path.n_obs == 30
    tl.uncertainty(fitted)
    assert (fitted.uns["gde"]["standard_error"] > 0).all()


def test_params_say_where_the_counts_are(fitted):
    params = fitted.uns["gde"]["params"]
    assert {name: params[name] for name in ("cells", "layer", "generate", "generate_layer")} == {
        "cells": "counts",
        "layer": "counts",
        "generate": "X",
        "generate_layer": "counts",
    }


@pytest.mark.parametrize("layout", ["csc", "dense"])
def test_layout_of_counts_does_not_matter(layout):
    fits = []
    for name in ("csr", layout):
        adata = datasets.cohort(6, n_genes=20, n_cells=(20, 30), n_batches=1, seed=0)
        counts = adata.layers["counts"]
        adata.layers["counts"] = counts.toarray() if name == "dense" else counts.asformat(name)
        fit(adata, max_steps=5, validation_fraction=0)
        fits.append(tl.generate(adata, n_cells=10).X.toarray())
    assert (fits[0] == fits[1]).mean() > 0.99  # but for rounding of the components


def test_backed_counts_are_fitted_without_being_read_at_once(tmp_path):
    adata = datasets.cohort(6, n_genes=20, n_cells=(20, 30), n_batches=1, seed=0)
    ad.AnnData(adata.layers["counts"], obs=adata.obs, var=adata.var[[]]).write_h5ad(tmp_path / "counts.h5ad")
    backed = ad.read_h5ad(tmp_path / "counts.h5ad", backed="r")
    fit(backed, layer=None, max_steps=5, validation_fraction=0)
    assert backed.isbacked
    assert tl.generate(backed, n_cells=3).X.dtype == np.int32
    backed.file.close()


def test_encoder_may_read_another_entry_of_the_same_cells():
    adata = datasets.cohort(8, n_genes=20, n_cells=(20, 30), n_batches=1, seed=0)
    adata.obsm["X_scVI"] = np.asarray(adata.X[:, :3].toarray())
    model = fit(adata, use_rep="X_scVI", max_steps=5)
    assert model.module.spec.shape == (3,)
    cells = tl.generate(adata, n_cells=3)
    assert cells.n_vars == 20
    assert adata.uns["gde"]["params"]["use_rep"] == "X_scVI"
    del adata.obsm["X_scVI"]
    with pytest.raises(KeyError, match="'X_scVI'"):
        tl.embed(adata, model)


@pytest.mark.parametrize("value", [0.5, -1.0])
def test_layers_without_counts_are_refused_and_nothing_is_written(value):
    adata = datasets.cohort(6, n_genes=20, n_cells=(20, 30), seed=0)
    adata.layers["counts"] = adata.layers["counts"].astype(np.float32)
    adata.layers["counts"].data[0] = value
    before = set(adata.obs), set(adata.obsm), set(adata.uns)
    with pytest.raises(ValueError, match=r"`adata.layers\['counts'\]` must hold counts, .* got others, such as"):
        fit(adata)
    assert (set(adata.obs), set(adata.obsm), set(adata.uns)) == before


def test_counts_taken_for_vectors_give_a_warning_that_says_what_to_do():
    adata = datasets.cohort(6, n_genes=20, n_cells=(20, 30), n_batches=1, seed=0)
    options = {"max_steps": 1, "validation_fraction": 0, "generator_kwargs": {}}
    with pytest.warns(UserWarning, match=r"fit with `cells=\"counts\", layer='counts'`"):
        fit(adata, cells="vectors", **options)
    assert tl.generate(adata, n_cells=3).X.dtype == np.float32
    adata.layers["counts"] = (adata.layers["counts"] > 0).astype(int)  # marks
    fit(adata, cells="vectors", **options)


def test_decoders_and_library_sizes_of_other_cells_are_refused():
    adata = datasets.cohort(6, n_genes=20, n_cells=(20, 30), seed=0)
    with pytest.raises(ValueError, match="`decoder_kwargs` must be None for cells that are not decoded"):
        fit(adata, cells="components", decoder_kwargs={"n_hidden": 32})
    with pytest.raises(ValueError, match=r"`likelihood` must be one of \['nb', 'zinb'\], got 'poisson'"):
        fit(adata, decoder_kwargs={"likelihood": "poisson"})
    fit(adata, cells="components", max_steps=1)
    with pytest.raises(ValueError, match="`library_size` must be None for cells that are no counts"):
        tl.generate(adata, n_cells=3, library_size=100)


def test_components_are_decoded_to_log_normalised_values():
    adata = datasets.cohort(10, n_genes=40, n_cells=(30, 50), n_batches=1, seed=0)
    fit(adata, cells="components", max_steps=60, train_kwargs={"lr": 0.01})
    raw, clipped = (tl.generate(adata, n_cells=50, decode=True, clip=clip) for clip in (False, True))
    assert raw.X.min() < 0
    np.testing.assert_array_equal(clipped.X, np.maximum(raw.X, 0))
    library = np.asarray(adata.layers["counts"].sum(axis=1))
    truth = np.log1p(adata.layers["counts"].toarray() / library * np.median(library)).mean(axis=0)
    assert np.corrcoef(raw.X.mean(axis=0), truth)[0, 1] > 0.95
    with pytest.raises(ValueError, match="`clip` must be False where cells are not mapped back"):
        tl.generate(adata, clip=True)


@pytest.mark.slow
def test_counts_are_generated_as_of_a_batch():
    adata = datasets.cohort(40, n_genes=60, n_cells=(60, 100), n_batches=2, seed=0)
    adata.X = adata.layers["counts"].copy()
    fit(adata, batch_key="batch", max_steps=500)
    names = adata.uns["gde"]["sets"].index[:20]
    made = [
        shares(tl.generate(adata, list(names), n_cells=300, batch=batch), "split").sum()
        for batch in ("batch_0", "batch_1")
    ]
    truth = shares(adata, "batch")
    found = np.log(made[1] / made[1].sum()) - np.log(made[0] / made[0].sum())
    expected = np.log(truth.loc["batch_1"]) - np.log(truth.loc["batch_0"])
    assert np.corrcoef(found, expected)[0, 1] > 0.95


@pytest.mark.slow
def test_pseudobulk_of_generated_counts_holds_the_level_of_a_test():
    # Two groups of donors that do not differ: t tests of log shares, gene by gene.
    adata = datasets.cohort(60, n_genes=60, n_cells=(60, 100), n_batches=1, seed=1)
    adata.X = adata.layers["counts"].copy()
    fit(adata, max_steps=500)
    found, rng = [], np.random.default_rng(0)
    of_sets = shares(tl.generate(adata, n_cells=100), "set").map(lambda x: np.log(x + 1e-4))
    for _ in range(100):
        groups = np.split(rng.permutation(of_sets.index)[:12], 2)
        found.append(stats.ttest_ind(*(of_sets.loc[group] for group in groups)).pvalue < 0.05)
    assert 0.03 < np.mean(found) < 0.08


class TestDecoder:
    @pytest.fixture(scope="class")
    def adata(self) -> ad.AnnData:
        adata = datasets.cohort(16, n_genes=40, n_cells=(40, 60), n_batches=1, seed=0)
        values = adata.X.toarray()
        left, spread, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
        adata.obsm["X_rep"] = (left * spread)[:, :10].astype(np.float32)
        options = {"cells": "vectors", "use_rep": "X_rep", "layer": None, "train_kwargs": {"lr": 0.01}}
        fit(adata, max_steps=80, **options)
        tl.fit_decoder(adata, "counts", max_steps=150)
        return adata

    def test_decodes_to_counts_of_the_sets(self, adata, round_trip):
        cells = tl.generate(adata, n_cells=100, decode=True)
        assert cells.X.dtype == np.int32
        assert cells.var_names.tolist() == adata.var_names.tolist()
        observed = ad.AnnData(adata.layers["counts"], obs=adata.obs, var=adata.var[[]])
        truth, found = (shares(one, column) for one, column in ((observed, "donor"), (cells, "set")))
        assert np.corrcoef(np.log(found.mean()), np.log(truth.mean()))[0, 1] > 0.95
        again = tl.generate(round_trip(adata), n_cells=100, decode=True)
        np.testing.assert_array_equal(again.X.toarray(), cells.X.toarray())
        assert tl.generate(adata, n_cells=3).n_vars == 10

    def test_library_sizes_are_met(self, adata):
        cells = tl.generate(adata, ["donor_03", "donor_01"], n_cells=1000, decode=True, library_size=500)
        assert cells.obs["library_size"].mean() == pytest.approx(500, rel=0.01)
        path = tl.interpolate(adata, "donor_03", "donor_01", n_steps=3, n_cells=5, decode=True, library_size="median")
        assert path.X.dtype == np.int32
        library = np.asarray(adata.layers["counts"].sum(axis=1)).ravel()
        drawn = tl.generate(adata, n_cells=100, decode=True).obs["library_size"]
        assert np.log(drawn).mean() == pytest.approx(np.log(library).mean(), abs=0.1)

    def test_needs_counts_of_cells_that_are_vectors(self, adata, fitted):
        with pytest.raises(KeyError, match="`layer` must name a layer"):
            tl.fit_decoder(adata, "raw")
        with pytest.raises(ValueError, match=r"`adata.X` must hold counts"):
            tl.fit_decoder(adata)
        with pytest.raises(ValueError, match="needs a fit that generates vectors, got one of 'counts' cells"):
            tl.fit_decoder(fitted, "counts")

    def test_transported_cells_are_decoded(self):
        adata = datasets.cohort(6, n_genes=30, n_cells=(20, 30), n_batches=1, seed=0)
        adata.obsm["X_rep"] = adata.X.toarray()[:, :5]
        options = {name: TINY[name] for name in ("progress_bar", "accelerator", "sets_per_batch")}
        tl.fit_tde(adata, "donor", use_rep="X_rep", max_steps=5, predictor=None, **options)
        tl.fit_decoder(adata, "counts", key="tde", max_steps=20)
        cells = tl.transport(adata, "donor_0", "donor_1", n_times=3, decode=True, library_size=200)
        assert cells.X.dtype == np.int32
        assert cells.obs["library_size"].mean() == pytest.approx(200, rel=0.1)
        assert read_model(adata, "tde").decoder is not None
