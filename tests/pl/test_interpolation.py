from __future__ import annotations

import anndata as ad
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.spatial.distance import cdist

from scgde import pl

SETS = ["donor 2", "donor 7"]
N_STEPS, N_CELLS = 6, 15


@pytest.fixture
def path(adata) -> ad.AnnData:
    """Cells that go straight from one donor to another, and the last step beyond what was trained on."""
    first, last = (adata.obsm["X_pca"][adata.obs["gde_set"] == name][:N_CELLS] for name in SETS)
    t = np.linspace(0, 1, N_STEPS)
    x = np.concatenate([(1 - s) * first + s * last for s in t])
    obs = pd.DataFrame({"t": np.repeat(t, N_CELLS), "cell": np.tile(np.arange(N_CELLS), N_STEPS)})
    obs["in_support"] = obs["t"] < 0.9
    names = [f"X_pca_{i}" for i in range(x.shape[1])]
    path = ad.AnnData(x, obs=obs.rename(index=str), var=pd.DataFrame(index=names))
    path.uns["path"] = {"key": "gde", "sets": np.array(SETS, dtype=object)}
    return path


def clouds(ax):
    """Observed cells in grey, and those of the step."""
    return [np.asarray(part.get_offsets()) for part in ax.collections]


def titles(axes):
    return [ax.get_title("left") for ax in axes]


def test_interpolation_draws_steps_over_the_observed_cells_of_both_sets(adata, path):
    axes = pl.interpolation(adata, path, basis=None, n_panels=3, show=False)
    assert titles(axes) == ["donor 2\nt = 0.00", "\nt = 0.40", "donor 7\nt = 1.00, extrapolated"]
    both = adata.obsm["X_pca"][adata.obs["gde_set"].isin(SETS)]
    for ax, step in zip(axes, (0, 2, 5), strict=True):
        observed, cells = clouds(ax)
        assert observed == pytest.approx(both[:, :2])
        assert cells == pytest.approx(path.X[step * N_CELLS : (step + 1) * N_CELLS, :2])
    assert len({ax.get_xlim() for ax in axes}) == 1


def test_interpolation_takes_principal_components_of_the_generated_cells(adata, path):
    path.X[:, 3] += 50 * path.obs["t"].to_numpy(dtype=np.float32)
    axes = pl.interpolation(adata, path, show=False)
    assert len(axes) == 6
    assert axes[-1].get_xlabel().startswith("PC1 (9")
    change = clouds(axes[-1])[1] - clouds(axes[0])[1]
    assert np.abs(change[:, 0]) == pytest.approx(np.full(N_CELLS, 50), abs=5)


def test_interpolation_takes_two_features_or_the_entry_that_was_fitted(adata, path):
    by_name = pl.interpolation(adata, path, basis=["X_pca_3", "X_pca_1"], n_panels=2, show=False)
    by_entry = pl.interpolation(adata, path, basis="X_pca", components=(3, 1), n_panels=2, show=False)
    for ax, other in zip(by_name, by_entry, strict=True):
        np.testing.assert_array_equal(clouds(ax)[1], clouds(other)[1])
        assert ax.get_xlabel() == other.get_xlabel() == "X_pca_3"


def test_interpolation_draws_the_entry_that_was_generated_where_another_one_was_read(adata, path):
    adata.uns["gde"]["params"] = {"use_rep": "X_pca", "generate": "X"}
    axes = pl.interpolation(adata, path[:, :2].copy(), basis="X", n_panels=2, show=False)
    both = adata.X[adata.obs["gde_set"].isin(SETS).to_numpy()]
    assert clouds(axes[0])[0] == pytest.approx(both)
    with pytest.raises(ValueError, match=r"`basis` must be .*'X', which was fitted"):
        pl.interpolation(adata, path[:, :2].copy(), basis="X_pca")


def test_interpolation_draws_optimal_transport_as_well(adata, path):
    axes = pl.interpolation(adata, path, ot=True, basis=None, n_panels=3, show=False)
    assert len(axes) == 6
    assert axes[0].get_ylabel().startswith("generated")
    assert axes[3].get_ylabel().startswith("optimal transport")
    source, target = (adata.obsm["X_pca"][adata.obs["gde_set"] == name][:, :2] for name in SETS)
    for ax, cells in ((axes[3], source), (axes[5], target)):
        assert cdist(clouds(ax)[1], cells).min(axis=1).max() < 1e-5


@pytest.mark.parametrize("with_ot", [False, True])
def test_interpolation_draws_a_ridge_for_each_step(adata, path, with_ot):
    axes = pl.interpolation(adata, path, kind="ridge", ot=with_ot, show=False)
    assert len(axes) == 1 + with_ot
    labels = [text.get_text() for text in axes[0].get_yticklabels()]
    assert labels[0] == "donor 2\nt = 0.00"
    assert labels[1] == "t = 0.20"
    assert len(labels) == 6
    assert axes[0].get_xlim() == axes[-1].get_xlim()


def test_interpolation_saves_an_animation(adata, path, tmp_path):
    file = tmp_path / "path.gif"
    axes = pl.interpolation(adata, path, basis=None, n_frames=3, ot=True, save=file, show=False)
    with Image.open(file) as movie:
        assert movie.format == "GIF"
        assert movie.n_frames >= 4
        assert min(movie.size) >= 400
    assert len(axes) == 2
    assert clouds(axes[0])[1] == pytest.approx(path.X[:N_CELLS, :2])  # there and back
    assert titles(axes)[0].startswith("donor 2 to donor 7\nt = 0.00")
    (legend,) = axes[0].figure.legends
    assert legend.get_texts()[0].get_text() == "observed in donor 2 and donor 7"
    assert not plt.get_fignums()


def test_interpolation_saves_closes_and_draws_in_given_axes(adata, path, tmp_path):
    pl.interpolation(adata, path, title="between", save=tmp_path / "path.png")
    assert (tmp_path / "path.png").stat().st_size > 1000
    assert not plt.get_fignums()
    _, ax = plt.subplots()
    assert pl.interpolation(adata, path, kind="ridge", ax=ax) == [ax]


def test_interpolation_says_what_is_wrong(adata, path):
    with pytest.raises(ValueError, match="A GIF shows moving cells"):
        pl.interpolation(adata, path, kind="ridge", save="x.gif")
    with pytest.raises(ValueError, match="`kind` must be one of"):
        pl.interpolation(adata, path, kind="violin")
    with pytest.raises(ValueError, match="`basis` must be"):
        pl.interpolation(adata, path, basis="X_umap")
    with pytest.raises(ValueError, match="5 training features, got 4"):
        pl.interpolation(adata, path[:, :4])
    with pytest.raises(ValueError, match="every cell at every step"):
        pl.interpolation(adata, path[3:])
    with pytest.raises(KeyError, match=r"holds none of \['donor 7'\]"):
        pl.interpolation(adata[adata.obs["gde_set"] != "donor 7"], path)
    with pytest.raises(KeyError, match=r"must come from `scgde\.tl\.interpolate`"):
        pl.interpolation(adata, adata)
