"""Images of cells, observed beside generated and along a path."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pl
from scgde.pl._draw import ChannelColors, similar_first, tile

N_STEPS, N_CELLS = 3, 7


@pytest.fixture
def images(adata) -> ad.AnnData:
    """A fit on images of one channel: the level of each is that of its donor."""
    level = adata.obs["gde_set"].cat.codes.to_numpy()
    adata.obsm["photos"] = np.broadcast_to(level[:, None, None, None], (adata.n_obs, 1, 4, 6)).astype(np.uint8).copy()
    adata.uns["gde"]["params"] = {"cells": "images", "use_rep": "photos"}
    return adata


@pytest.fixture
def made() -> ad.AnnData:
    names = np.repeat(["donor 2", "donor 5"], 50)
    pixels = np.repeat([2, 5], 50)[:, None, None, None] * np.ones((100, 1, 4, 6))
    return ad.AnnData(obs=pd.DataFrame({"set": names}).rename(index=str), obsm={"photos": pixels.astype(np.uint8)})


@pytest.fixture
def path() -> ad.AnnData:
    obs = pd.DataFrame({"t": np.repeat(np.linspace(0, 1, N_STEPS), N_CELLS), "cell": np.tile(range(N_CELLS), N_STEPS)})
    pixels = np.linspace(2, 7, N_STEPS).repeat(N_CELLS)[:, None, None, None] * np.ones((1, 1, 4, 6))
    path = ad.AnnData(obs=obs.assign(in_support=True).rename(index=str), obsm={"photos": pixels})
    path.uns["path"] = {"key": "gde", "sets": np.array(["donor 2", "donor 7"], dtype=object)}
    return path


def picture(ax):
    (image,) = ax.images
    return np.asarray(image.get_array())


def test_generated_draws_tiles_of_both_with_one_scale(images, made):
    axes = pl.generated(images, made, show=False)
    assert [ax.get_title("left") for ax in axes] == ["donor 2 (22 cells)", "donor 5 (25 cells)"]
    for ax, shade in zip(axes, (0, 1), strict=True):
        assert [label.get_text() for label in ax.get_xticklabels()] == ["observed", "generated"]
        left, right = np.array_split(picture(ax)[:4, :, 0], 2, axis=1)
        # Levels of the observed cells that are drawn; all else is white.
        assert (left[:, :6] == shade).all()
        assert (right[:, -6:] == shade).all()


def test_interpolation_draws_each_cell_in_a_row_between_observed_ones(images, path):
    axes = pl.interpolation(images, path, show=False)
    assert [ax.get_title("left") for ax in axes] == [
        "donor 2\nobserved",
        "donor 2\nt = 0.00",
        "\nt = 0.50",
        "donor 7\nt = 1.00",
        "donor 7\nobserved",
    ]
    assert [picture(ax)[0, 0, 0] for ax in axes] == pytest.approx([0, 0, 0.5, 1, 1])
    assert len({picture(ax).shape for ax in axes}) == 1


@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_channels_are_named_in_their_colours(images, made, n_channels):
    for cells in (images, made):
        cells.obsm["photos"] = np.repeat(cells.obsm["photos"], n_channels, axis=1)
    axes = pl.generated(images, made, show=False)
    names = [text.get_text() for text in axes[-1].get_legend().get_texts()]
    assert names == [f"channel {i}" for i in range(min(n_channels, 3))]
    assert pl.generated(images, made, channels=[1], show=False)[-1].get_legend() is None


def test_channels_have_the_names_that_stand_beside_the_entry(images, made):
    for cells in (images, made):
        cells.obsm["photos"] = np.repeat(cells.obsm["photos"], 2, axis=1)
    images.uns["photos"] = {"channel_names": np.array(["DAPI", "actin"])}
    axes = pl.generated(images, made, show=False)
    assert [text.get_text() for text in axes[-1].get_legend().get_texts()] == ["DAPI", "actin"]
    images.uns["photos"] = {"channel_names": np.array(["DAPI"])}  # of other images
    axes = pl.generated(images, made, show=False)
    assert [text.get_text() for text in axes[-1].get_legend().get_texts()] == ["channel 0", "channel 1"]


def test_scales_of_channels_do_not_depend_on_a_hot_pixel():
    x = np.random.default_rng(0).uniform(size=(40, 2, 9, 9))
    x[0, 0, 0, 0] = 1e6
    colors = ChannelColors.of(x, None)
    assert (colors.high < 1).all()
    drawn = colors(x)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    flat = ChannelColors.of(np.full((3, 1, 4, 4), 7.0), None)
    assert (flat(np.full((3, 1, 4, 4), 7.0)) == 0).all()


def test_tiles_stand_row_by_row_and_white_is_left_over():
    shades = np.array([0.1, 0.2, 0.3])
    drawn = tile(shades[:, None, None, None] * np.ones((3, 5, 6, 3)), n_columns=2)
    assert drawn.shape == (2 * 5 + 1, 2 * 6 + 1, 3)
    assert [drawn[0, 0, 0], drawn[0, -1, 0], drawn[-1, 0, 0], drawn[-1, -1, 0]] == [0.1, 0.2, 0.3, 1]
    assert (drawn[5] == 1).all()


def test_like_images_come_at_like_places():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 1, 4, 4)) + 10 * np.repeat([0, 1], 10)[:, None, None, None]
    first, second = similar_first(rng.permutation(x), rng.permutation(x))
    np.testing.assert_array_equal(first, second)
    assert len({(first[:10].mean() > 5), (first[10:].mean() > 5)}) == 2


def test_what_images_do_not_have_is_refused(images, made, path):
    for options in ({"basis": None}, {"components": (1, 0)}):
        with pytest.raises(ValueError, match="Images are drawn as they are, got `basis="):
            pl.generated(images, made, **options)
        with pytest.raises(ValueError, match="Images are drawn as they are, got `basis="):
            pl.interpolation(images, path, **options)
    for options in ({"kind": "ridge"}, {"ot": True}, {"save": "x.gif"}):
        with pytest.raises(ValueError, match="Images on a path are drawn in panels, got"):
            pl.interpolation(images, path, **options)
    for channels in ([1], [], [0, 0, 0, 0]):
        with pytest.raises(ValueError, match="`channels` must be one to three numbers from 0 to 0"):
            pl.generated(images, made, channels=channels)
    made.obsm["photos"] = made.obsm["photos"][..., :5]
    with pytest.raises(ValueError, match=r"`generated.obsm\['photos'\]` must hold images of shape \(1, 4, 6\), as"):
        pl.generated(images, made)


def test_figures_of_vectors_say_that_other_cells_are_none(images, made, path):
    transported = path.copy()
    images.uns["tde"] = images.uns["gde"]
    with pytest.raises(ValueError, match=r"`transported` must hold cells that are vectors, in `X`, got none there"):
        pl.transport(images, transported)


def test_a_fit_that_names_no_entry_is_refused(images, made):
    images.uns["gde"]["params"] = {"cells": "graphs"}
    with pytest.raises(ValueError, match="Only cells of an entry of `adata` can be drawn, got a fit on 'graphs'"):
        pl.generated(images, made)
