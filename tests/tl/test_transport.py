from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from scgde import tl


def source_cells(adata, name):
    return adata[(adata.obs["tde_set"] == name).to_numpy()]


def test_transport_gives_the_cells_the_names_of_the_source_cells(tde_fitted, ends):
    transported, start = tl.transport(tde_fitted, *ends), source_cells(tde_fitted, ends[0])
    assert transported.obs_names.tolist() == transported.obs["cell"].tolist() == start.obs_names.tolist()
    assert transported.var_names.tolist() == tde_fitted.var_names.tolist()
    assert (transported.obs["source_set"] == ends[0]).all()
    assert (transported.obs["target_set"] == ends[1]).all()
    assert (transported.obs["t"] == 1).all()
    assert not np.allclose(transported.X, start.X, atol=0.1)


def test_transport_in_several_times_goes_from_the_cells_to_where_they_arrive(tde_fitted, ends):
    path, start = tl.transport(tde_fitted, *ends, n_times=5), source_cells(tde_fitted, ends[0])
    assert np.unique(path.obs["t"]).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert path.obs_names.is_unique
    assert (path.obs_names == path.obs["cell"] + "-" + path.obs["t"].map("{:.4g}".format)).all()
    np.testing.assert_allclose(path.X[path.obs["t"] == 0], start.X, atol=1e-5)
    np.testing.assert_allclose(path.X[path.obs["t"] == 1], tl.transport(tde_fitted, *ends).X, atol=1e-5)


def test_transport_of_several_sets_is_that_of_each(tde_fitted):
    pairs = tde_fitted.uns["tde"]["pairs"].iloc[:2]
    both = tl.transport(tde_fitted, pairs["source"], pairs["target"])
    for pair in pairs.itertuples():
        alone = tl.transport(tde_fitted, pair.source, pair.target)
        np.testing.assert_allclose(both[alone.obs_names].X, alone.X, atol=1e-5)
        assert (both[alone.obs_names].obs["target_set"] == pair.target).all()


def test_transport_takes_any_set_to_any_other_also_between_clones_and_back_in_time(tde_fitted):
    sets = tde_fitted.uns["tde"]["sets"]
    late, early = sets.index[sets["time"] == 6][0], sets.index[sets["time"] == 2]
    assert np.isfinite(tl.transport(tde_fitted, early, late).X).all()
    assert np.isfinite(tl.transport(tde_fitted, late, early[0]).X).all()


def test_transport_survives_files(tde_fitted, ends, round_trip):
    path = tl.transport(tde_fitted, *ends, n_times=3)
    again = round_trip(path)
    np.testing.assert_array_equal(again.X, path.X)
    pd.testing.assert_frame_equal(again.obs, path.obs, check_dtype=False, check_categorical=False)


def test_transport_of_components_gives_genes(pca_tde_fitted):
    transported = tl.transport(pca_tde_fitted, "d0", "d1")
    genes = tl.transport(pca_tde_fitted, "d0", "d1", decode=True)
    assert transported.var_names.tolist() == [f"X_pca_{i}" for i in range(4)]
    assert genes.var_names.tolist() == pca_tde_fitted.var_names.tolist()
    assert genes.obs_names.tolist() == transported.obs_names.tolist()
    expected = transported.X @ pca_tde_fitted.varm["PCs"].T + np.asarray(pca_tde_fitted.X).mean(axis=0)
    np.testing.assert_allclose(genes.X, expected, atol=1e-3)


def test_transport_leaves_the_data_alone(tde_fitted, ends, unchanged):
    with unchanged(tde_fitted):
        tl.transport(tde_fitted, *ends)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda _: {"key": "nobody"}, KeyError, r"scgde\.tl\.fit_tde"),
        (lambda _: {"source": "nobody"}, KeyError, r"`source` must name fitted sets, got \['nobody'\]"),
        (lambda _: {"target": "nobody"}, KeyError, r"`target` must name fitted sets, got \['nobody'\]"),
        (lambda _: {"source": []}, KeyError, "`source` must name fitted sets"),
        (lambda ends: {"target": ends[0]}, ValueError, "`source` and `target` must differ, got"),
        (lambda ends: {"source": [ends[0]] * 2}, ValueError, "`source` must name each set once"),
        (lambda ends: {"target": list(ends)}, ValueError, "one for each of 1 sources, got 2"),
        (lambda _: {"n_times": 0}, ValueError, "`n_times` must be at least 1, got 0"),
        (lambda _: {"decode": True}, ValueError, "`decode=True` needs a fit on"),
        (lambda _: {"key": "source"}, ValueError, r"Call `scgde\.tl\.forecast`"),
    ],
)
def test_transport_says_what_is_wrong(tde_fitted, ends, change, error, match):
    with pytest.raises(error, match=match):
        tl.transport(tde_fitted, **{"source": ends[0], "target": ends[1], **change(ends)})


def test_transport_says_that_a_set_has_no_cells(tde_fitted, ends):
    rest = tde_fitted[(tde_fitted.obs["tde_set"] != ends[0]).to_numpy()].copy()
    for names in (ends, ends[::-1]):
        with pytest.raises(KeyError, match=rf"must name fitted sets, got \['{re.escape(ends[0])}'\]"):
            tl.transport(rest, *names)
