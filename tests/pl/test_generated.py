from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from scipy import sparse

from scgde import pl
from scgde.pl._draw import COLORS, GREY


def test_generated_draws_observed_in_grey_under_generated(adata, generated):
    axes = pl.generated(adata, generated, basis=None, show=False)
    assert [ax.get_title("left") for ax in axes] == [f"donor {i} ({20 + i} cells)" for i in (2, 5, 7)]
    for ax, name in zip(axes, ["donor 2", "donor 5", "donor 7"], strict=True):
        observed, drawn = ax.collections
        assert np.asarray(observed.get_offsets()) == pytest.approx(
            adata.obsm["X_pca"][adata.obs["gde_set"] == name][:, :2]
        )
        assert np.asarray(drawn.get_offsets()) == pytest.approx(generated.X[generated.obs["set"] == name][:, :2])
        assert to_hex(observed.get_facecolor()[0]) == GREY
        assert to_hex(drawn.get_facecolor()[0]) == COLORS[0].lower()


def test_generated_projects_both_on_components_of_the_observed(adata, generated):
    shift = np.zeros(5)
    shift[2] = 4
    generated.X = adata.obsm["X_pca"][42:66] + shift.astype(np.float32)
    adata.obsm["X_pca"][:, 2] *= 10  # the first component
    generated.X[:, 2] *= 10
    axes = pl.generated(adata, generated, sets=["donor 2"], show=False)
    observed, drawn = (np.asarray(part.get_offsets()) for part in axes[0].collections)
    assert drawn[:8, 0] - observed[:8, 0] == pytest.approx(np.full(8, 40), abs=2)
    assert axes[0].get_xlabel().startswith("PC1 (9")


def test_generated_shares_limits_and_labels_outer_axes(adata, generated):
    axes = pl.generated(adata, generated, show=False)
    assert len({ax.get_xlim() for ax in axes}) == len({ax.get_ylim() for ax in axes}) == 1
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False]
    assert [text.get_text() for text in axes[-1].get_legend().get_texts()] == ["observed", "generated"]


def test_panels_are_not_flat_where_one_component_is_much_wider(adata, generated):
    adata.obsm["X_pca"][:, 0] *= 50
    generated.X[:, 0] *= 50
    axes = pl.generated(adata, generated, show=False)
    axes[0].figure.draw_without_rendering()
    assert all(ax.get_window_extent().height > 0.7 * ax.get_window_extent().width for ax in axes)


def test_generated_draws_chosen_sets_in_their_order(adata, generated):
    axes = pl.generated(adata, generated, sets=["donor 7", "donor 2"], show=False)
    assert [ax.get_title("left") for ax in axes] == ["donor 7 (27 cells)", "donor 2 (22 cells)"]
    assert len(pl.generated(adata, generated, n_panels=1, show=False)) == 1


@pytest.mark.parametrize("features", ["obsm frame", "X", "sparse X", "layer"])
def test_generated_finds_the_features_of_the_fit(adata, generated, features):
    params = adata.uns["gde"]["params"]
    if features == "obsm frame":
        adata.obsm["X_pca"] = pd.DataFrame(adata.obsm["X_pca"], index=adata.obs_names).add_prefix("PC")
    else:
        params["use_rep"] = "X"
        generated = generated[:, :2].copy()
        adata.layers["counts"] = 2 * adata.X
        if features == "layer":
            params["layer"] = "counts"
        adata.X = sparse.csr_matrix(adata.X) if features == "sparse X" else adata.X
    (ax,) = pl.generated(adata, generated, n_panels=1, basis=None, show=False)
    x = {"obsm frame": "X_pca", "layer": "counts"}.get(features)
    x = adata.X if x is None else adata.layers[x] if x == "counts" else adata.obsm[x].to_numpy()
    x = x.toarray() if sparse.issparse(x) else x
    assert np.asarray(ax.collections[0].get_offsets()) == pytest.approx(x[42:64, :2])


def test_generated_draws_the_entry_that_was_generated_where_another_one_was_read(adata, generated):
    adata.uns["gde"]["params"] = {"use_rep": "X_pca", "generate": "X"}
    (ax,) = pl.generated(adata, generated[:, :2].copy(), n_panels=1, basis=None, show=False)
    observed = adata.X[(adata.obs["gde_set"] == "donor 2").to_numpy()]
    assert np.asarray(ax.collections[0].get_offsets()) == pytest.approx(observed)


def test_generated_saves_closes_and_draws_in_given_axes(adata, generated, tmp_path):
    pl.generated(adata, generated, save=tmp_path / "cells.png")
    assert (tmp_path / "cells.png").stat().st_size > 1000
    assert not plt.get_fignums()
    _, ax = plt.subplots()
    assert pl.generated(adata, generated, n_panels=1, ax=ax) == [ax]


def test_generated_says_what_is_wrong(adata, generated):
    with pytest.raises(KeyError, match="'donor 3' is not generated"):
        pl.generated(adata, generated, sets=["donor 3"])
    with pytest.raises(KeyError, match="'donor 2' is not observed"):
        pl.generated(adata[adata.obs["gde_set"] != "donor 2"], generated)
    with pytest.raises(ValueError, match="5 training features, got 4"):
        pl.generated(adata, generated[:, :4])
    with pytest.raises(KeyError, match=r"`generated.obs` must hold 'set'"):
        pl.generated(adata, adata)
    del adata.obsm["X_pca"]
    with pytest.raises(KeyError, match=r"`adata.obsm` must hold 'X_pca'"):
        pl.generated(adata, generated)
