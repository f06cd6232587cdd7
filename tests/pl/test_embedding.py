from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgba

from scgde import pl
from scgde.pl._draw import COLORS, GREY


def points(ax) -> np.ndarray:
    """All drawn points, shape ``(n, 2)``."""
    return np.concatenate([np.asarray(drawn.get_offsets()) for drawn in ax.collections])


def colors(ax) -> list[str]:
    return [to_hex(color) for drawn in ax.collections for color in drawn.get_facecolors()]


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_embedding_draws_every_set_once_and_keeps_distances(adata):
    ax = pl.embedding(adata, show=False)
    z = adata.uns["gde"]["embedding"].astype(float)
    z -= z.mean(0)
    _, scale, axes = np.linalg.svd(z, full_matrices=False)
    expected = np.abs(z @ axes[:2].T)
    drawn = np.abs(points(ax))
    assert drawn == pytest.approx(expected)
    share = 100 * scale**2 / (scale**2).sum()
    assert ax.get_xlabel() == f"PC1 ({share[0]:.0f}%)"
    assert ax.get_ylabel() == f"PC2 ({share[1]:.0f}%)"
    assert ax.get_aspect() == 1


def test_embedding_takes_a_column_that_was_added_after_the_fit(adata):
    adata.obs["added"] = np.where(adata.obs["gde_set"].cat.codes % 2, "odd", "NA")
    ax = pl.embedding(adata, color="added", show=False)
    assert labels(ax) == ["odd", "NA"]
    assert colors(ax).count(to_hex(GREY)) == 6


def test_embedding_map_does_not_depend_on_the_sign_of_the_embedding_axes(adata):
    first = points(pl.embedding(adata, show=False))
    again = points(pl.embedding(adata, show=False))
    assert np.array_equal(first, again)


def test_embedding_draws_raw_dimensions_without_basis(adata):
    ax = pl.embedding(adata, basis=None, components=(2, 0), show=False)
    assert np.array_equal(points(ax), adata.uns["gde"]["embedding"][:, [2, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("gde 3", "gde 1")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_embedding_draws_umap(adata):
    ax = pl.embedding(adata, basis="umap", show=False)
    assert points(ax).shape == (12, 2)
    assert ax.get_xlabel() == "UMAP1"
    assert len(ax.get_xticks()) == 0


def test_embedding_colours_numbers_with_missing_ones_grey_and_first(adata):
    ax = pl.embedding(adata, color="severity", show=False)
    missing, known = ax.collections
    assert [to_hex(color) for color in missing.get_facecolors()] == [GREY]
    low, high = to_hex(plt.colormaps["viridis"](0)), to_hex(plt.colormaps["viridis"](1.0))
    drawn = [to_hex(color) for color in known.get_facecolors()]
    assert (drawn[0], drawn[-1]) == (low, high)
    assert labels(ax) == ["NA"]
    assert len(ax.figure.axes) == 2  # the colour bar


def test_embedding_colours_categories_by_name(adata):
    ax = pl.embedding(adata, color="class", show=False)
    assert labels(ax) == ["IgA nephropathy", "b", "c", "NA"]
    assert colors(ax)[0] == GREY
    assert set(colors(ax)[1:]) == {color.lower() for color in COLORS[:3]}
    assert len(points(ax)) == 12


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("treated", ["False", "True"]),
        ("maybe", ["False", "True", "NA"]),
        ("text", ["x", "NA"]),
        ("stage", ["II", "I", "unused", "NA"]),
        ("constant", ["3"]),
        ("unknown", ["NA"]),
        ("count", ["1", "2", "NA"]),
    ],
)
def test_embedding_draws_every_kind_of_column(adata, column, expected):
    ax = pl.embedding(adata, color=column, show=False)
    assert len(points(ax)) == 12
    assert labels(ax) == expected


def test_embedding_gives_ordered_categories_shades_of_one_gradient(adata):
    ax = pl.embedding(adata, color="stage", show=False)
    brightness = [sum(to_rgba(handle.get_color())[:3]) for handle in ax.get_legend().legend_handles[:3]]
    assert brightness == sorted(brightness)


def test_embedding_names_many_categories_next_to_their_sets(adata):
    table = adata.uns["gde"]["sets"]
    many = pd.concat([table] * 3)
    many["name"] = pd.Categorical([f"n{i}" for i in range(36)])
    many.index = [f"s{i}" for i in range(36)]
    del adata.obs["gde_set"]  # the sets alone
    adata.uns["gde"] |= {"sets": many, "embedding": np.tile(adata.uns["gde"]["embedding"], (3, 1))}
    ax = pl.embedding(adata, color="name", show=False)
    assert ax.get_legend() is None
    assert len(ax.texts) > 10
    assert ax.get_title("left") == f"name, 36 sets\n36 categories, {len(ax.texts)} named"
    place = {text.get_text(): tuple(text.xy) for text in ax.texts}
    assert all(place[f"n{i}"] in {tuple(point) for point in points(ax)} for i in range(36) if f"n{i}" in place)
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(box.count_overlaps(boxes) == 1 for box in boxes)
    assert len(set(colors(ax))) == 36


@pytest.mark.parametrize(
    "palette", [["red", "lime", "blue"], {"IgA nephropathy": "red", "b": "lime", "c": "blue", "other": "black"}]
)
def test_embedding_takes_colours(adata, palette):
    adata.uns["gde"]["sets"]["class"] = adata.uns["gde"]["sets"]["class"].cat.remove_unused_categories()
    ax = pl.embedding(adata, color="class", palette=palette, show=False)
    assert set(colors(ax)) == {GREY, "#ff0000", "#00ff00", "#0000ff"}


def test_embedding_takes_the_colours_that_scanpy_keeps(adata):
    of_cell = adata.obs["gde_set"].map(adata.uns["gde"]["sets"]["class"].astype(object))
    adata.obs["class"] = pd.Categorical(of_cell, categories=["IgA nephropathy", "b", "c", "unused"])
    adata.uns["class_colors"] = ["#111111", "#222222", "#333333", "#444444"]
    assert set(colors(pl.embedding(adata, color="class", show=False))) == {GREY, "#111111", "#222222", "#333333"}


def test_embedding_draws_areas_in_proportion_and_explains_them(adata):
    ax = pl.embedding(adata, size="n_cells", show=False)
    areas = np.sort(ax.collections[0].get_sizes())
    n_cells = np.sort(adata.uns["gde"]["sets"]["n_cells"])
    assert areas / areas[-1] == pytest.approx(n_cells / n_cells[-1])
    (key,) = [artist for artist in ax.artists if hasattr(artist, "get_texts")]
    assert [text.get_text() for text in key.get_texts()] == ["20", "26", "31"]


def test_embedding_draws_one_panel_per_column(adata):
    names = ["severity", "class", "treated", "text"]
    axes = pl.embedding(adata, color=names, show=False)
    assert [ax.get_title("left") for ax in axes] == [
        f"{name}, 12 sets" for name in ("severity", "class", "treated", "text")
    ]
    assert all(len(points(ax)) == 12 for ax in axes)


def test_embedding_draws_in_given_axes_and_leaves_them_open(adata, tmp_path):
    _, ax = plt.subplots()
    assert pl.embedding(adata, color="class", ax=ax, title="mine", save=tmp_path / "map.png") is ax
    assert ax.get_title("left") == "mine"
    assert plt.get_fignums()


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_embedding_saves_and_closes(adata, tmp_path, ending):
    path = tmp_path / f"map.{ending}"
    assert pl.embedding(adata, color="class", save=path) is not None
    assert path.stat().st_size > 1000
    assert not plt.get_fignums()


def test_embedding_returns_none_and_closes_when_shown(adata, monkeypatch):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    assert pl.embedding(adata, show=True) is None
    assert calls == [1]
    assert not plt.get_fignums()


def test_embedding_leaves_adata_as_it_was(adata):
    before = adata.copy()
    pl.embedding(adata, color=["severity", "stage"], size="n_cells", show=False)
    pd.testing.assert_frame_equal(adata.uns["gde"]["sets"], before.uns["gde"]["sets"])
    assert np.array_equal(adata.uns["gde"]["embedding"], before.uns["gde"]["embedding"])


def test_embedding_draws_a_few_whole_numbers_as_classes(adata):
    adata.uns["gde"]["sets"]["day"] = [2.0, 10.0, 4.0] * 4
    ax = pl.embedding(adata, color="day", show=False)
    assert labels(ax) == ["2", "4", "10"]
    assert colors(ax) == [COLORS[i].lower() for i in (0, 2, 1)] * 4


def test_embedding_takes_two_sizes_of_sets_for_areas(adata):
    adata.uns["gde"]["sets"]["size"] = [10, 20] * 6
    ax = pl.embedding(adata, size="size", show=False)
    assert np.unique(ax.collections[0].get_sizes()).tolist() == [75, 150]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"key": "other"}, KeyError, "scgde.tl.fit_gde"),
        ({"color": "absent"}, KeyError, "`color` must name a column of the set table or .*severity"),
        ({"size": "absent"}, KeyError, "`size` must name columns of the set table"),
        ({"size": "class"}, ValueError, "`size` must name a column of positive numbers"),
        ({"size": -1}, ValueError, "`size` must be positive"),
        ({"basis": "tsne"}, ValueError, "`basis` must be one of"),
        ({"components": (0, 4)}, ValueError, "`components` must be two indices from 0 to 3"),
        ({"color": "class", "palette": ["red"]}, ValueError, "`palette` must give a colour for each"),
        ({"color": ["class", "text"], "title": "one"}, ValueError, "one title per panel, got 1 for 2"),
    ],
)
def test_embedding_says_what_is_wrong(adata, options, error, match):
    with pytest.raises(error, match=match):
        pl.embedding(adata, show=False, **options)


def test_embedding_refuses_several_panels_in_given_axes(adata):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="`ax` holds one panel, got 2 to draw"):
        pl.embedding(adata, color=["class", "text"], ax=ax)
