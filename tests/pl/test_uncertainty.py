from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from scipy import stats

from scgde import pl


@pytest.fixture
def estimated(adata):
    """Covariances that differ between sets; the first set has one cell."""
    factor = np.random.default_rng(1).normal(size=(12, 4, 4)) * 0.2
    adata.uns["gde"]["covariance"] = (factor @ factor.swapaxes(1, 2)).astype(np.float32)
    adata.uns["gde"]["covariance"][0] = np.nan
    adata.uns["gde"]["sets"].iloc[0, 0] = 1
    del adata.obs["gde_set"]  # the sets alone
    return adata


def regions(ax):
    """The ellipses: centres, and their shapes ``{x: x' inverse(shape) x = 1}``."""
    (collection,) = [c for c in ax.collections if hasattr(c, "get_widths")]
    angle = np.radians(collection.get_angles())
    axes = np.stack([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    half = np.stack([collection.get_widths(), collection.get_heights()], axis=1) / 2
    return collection.get_offsets(), np.einsum("nk,nki,nkj->nij", half**2, axes, axes)


def points(ax):
    return np.concatenate([c.get_offsets() for c in ax.collections if not hasattr(c, "get_widths")])


def test_uncertainty_draws_the_covariance_in_the_plane(estimated):
    centers, shapes = regions(pl.uncertainty(estimated, basis=None, components=(2, 0), show=False))
    np.testing.assert_allclose(centers, estimated.uns["gde"]["embedding"][1:, [2, 0]], rtol=1e-6)
    n = estimated.uns["gde"]["sets"]["n_cells"].to_numpy()[1:, None, None]
    threshold = stats.f.ppf(0.95, 2, n - 2) * 2 * (n - 1) / (n - 2)
    covariance = estimated.uns["gde"]["covariance"][1:][:, [2, 0]][:, :, [2, 0]]
    np.testing.assert_allclose(shapes, threshold * covariance, rtol=1e-4, atol=1e-6)


def test_uncertainty_turns_covariances_with_the_principal_axes(estimated):
    ax = pl.uncertainty(estimated, components=(1, 3), show=False)
    np.testing.assert_allclose(
        pl.embedding(estimated, components=(1, 3), show=False).collections[0].get_offsets(), points(ax)
    )
    centers, shapes = regions(ax)
    z = estimated.uns["gde"]["embedding"].astype(float)
    directions = np.linalg.lstsq(z[1:] - z.mean(axis=0), centers, rcond=None)[0]
    projected = directions.T @ estimated.uns["gde"]["covariance"][1:] @ directions
    ratio = shapes / projected
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1, :1], ratio.shape), rtol=1e-3)


def test_uncertainty_regions_grow_with_the_level(estimated):
    _, low = regions(pl.uncertainty(estimated, level=0.5, show=False))
    _, high = regions(pl.uncertainty(estimated, level=0.99, show=False))
    assert (np.linalg.det(high) > np.linalg.det(low)).all()


def test_uncertainty_draws_no_region_of_a_set_of_few_cells(estimated):
    estimated.uns["gde"]["sets"].iloc[3, 0] = 9
    ax = pl.uncertainty(estimated, show=False)
    assert len(points(ax)) == 12
    assert len(regions(ax)[0]) == 10


def test_uncertainty_keeps_regions_within_the_axes(estimated):
    estimated.uns["gde"]["covariance"][5] *= 100
    ax = pl.uncertainty(estimated, show=False)
    ax.figure.draw_without_rendering()
    centers, shapes = regions(ax)
    reach = np.sqrt(np.diagonal(shapes, axis1=1, axis2=2))
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    assert ((centers - reach > low) & (centers + reach < high)).all()


def test_uncertainty_draws_the_named_sets_on_the_axes_of_all(estimated):
    everything, some = (
        pl.uncertainty(estimated, show=False),
        pl.uncertainty(estimated, sets=["donor 7", "donor 2"], show=False),
    )
    np.testing.assert_allclose(regions(some)[0], regions(everything)[0][[6, 1]])
    assert some.get_xlabel() == everything.get_xlabel()
    assert len(points(pl.uncertainty(estimated, sets="donor 0", show=False))) == 1


@pytest.mark.parametrize("color", [None, "severity", "class", "stage", "treated", "constant", "unknown"])
def test_uncertainty_colors_regions_as_points(estimated, color):
    ax = pl.uncertainty(estimated, color=color, show=False)
    (ellipses,) = [c for c in ax.collections if hasattr(c, "get_widths")]
    scatters = [c for c in ax.collections if not hasattr(c, "get_widths")]
    by_position = {
        tuple(position): rgb
        for c in scatters
        for position, rgb in zip(
            c.get_offsets().round(6), np.resize(c.get_facecolors()[:, :3], (len(c.get_offsets()), 3)), strict=True
        )
    }
    for position, color_of_region in zip(ellipses.get_offsets().round(6), ellipses.get_facecolors(), strict=True):
        np.testing.assert_allclose(color_of_region[:3], by_position[tuple(position)], atol=1e-6)


def test_uncertainty_colors_named_sets_by_the_kind_of_the_whole_column(estimated):
    ax = pl.uncertainty(estimated, color="severity", sets=["donor 2", "donor 7"], show=False)
    assert ax.get_legend() is None
    assert len(ax.figure.axes) == 2  # the colour bar


def test_uncertainty_takes_a_palette(estimated):
    palette = {"True": "black", "False": "white"}
    ax = pl.uncertainty(estimated, color="treated", sets=["donor 2", "donor 3"], palette=palette, show=False)
    (ellipses,) = [c for c in ax.collections if hasattr(c, "get_widths")]
    assert [tuple(rgb) for rgb in ellipses.get_facecolors()[:, :3]] == [to_rgba("black")[:3], to_rgba("white")[:3]]


def test_uncertainty_says_what_is_drawn(estimated):
    ax = pl.uncertainty(estimated, level=0.9, sets=["donor 2", "donor 3"], show=False)
    assert ax.get_title("left") == "2 sets\n90 % confidence regions"


def test_uncertainty_draws_regions_of_some_of_many_sets(estimated, monkeypatch):
    monkeypatch.setattr("scgde.pl._uncertainty.MAX_REGIONS", 2)
    ax = pl.uncertainty(estimated, show=False)
    (ellipses,) = [c for c in ax.collections if hasattr(c, "get_widths")]
    assert len(ellipses.get_widths()) == 2
    assert ax.get_title("left").endswith("95 % confidence regions of 2 of them, at random")
    (points,) = [c for c in ax.collections if c is not ellipses]
    assert len(points.get_offsets()) == len(estimated.uns["gde"]["sets"])


def test_uncertainty_draws_in_given_axes_and_saves(estimated, tmp_path):
    _, ax = plt.subplots()
    assert pl.uncertainty(estimated, ax=ax, title="donors", show=False) is ax
    assert ax.get_title("left") == "donors"
    plt.close("all")
    pl.uncertainty(estimated, save=tmp_path / "sets.png")
    assert (tmp_path / "sets.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_uncertainty_says_what_is_wrong(estimated):
    with pytest.raises(KeyError, match=r"`sets` must name fitted sets, got \['x'\]"):
        pl.uncertainty(estimated, sets="x")
    with pytest.raises(KeyError, match="`color` must name a column of the set table"):
        pl.uncertainty(estimated, color="x")
    with pytest.raises(ValueError, match=r"`level` must be a number in \[0, 1\]"):
        pl.uncertainty(estimated, level=95)
    with pytest.raises(ValueError, match="`basis` must be one of"):
        pl.uncertainty(estimated, basis="umap")
    del estimated.uns["gde"]["covariance"]
    with pytest.raises(KeyError, match=r"scgde\.tl\.uncertainty"):
        pl.uncertainty(estimated)
