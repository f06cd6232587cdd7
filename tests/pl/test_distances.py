from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.spatial.distance import pdist, squareform

from scgde import pl
from scgde.pl._draw import COLORS, GREY


@pytest.fixture
def measured(adata):
    """Three groups of four sets, far from each other, in mixed order."""
    position = np.random.default_rng(0).normal(size=(12, 3)) + 20 * np.eye(3)[np.arange(12) % 3]
    square = squareform(pdist(position))
    adata.uns["gde"]["distances"] = {"noise_corrected": square, "mahalanobis": square.copy()}
    return adata


def shown(ax):
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def strips(ax):
    return [child for child in ax.child_axes if child.images and len(child.get_xticklabels()) == 1]


def test_distances_puts_like_sets_next_to_each_other(measured):
    ax = pl.distances(measured, show=False)
    order = [int(name.split()[1]) for name in names(ax)]
    assert sorted(order) == list(range(12))
    groups = np.array(order) % 3
    assert (np.diff(groups) != 0).sum() == 2
    np.testing.assert_array_equal(shown(ax), measured.uns["gde"]["distances"]["noise_corrected"][np.ix_(order, order)])


@pytest.mark.parametrize("method", ["average", "complete", "single", "ward"])
def test_distances_draws_the_tree_of_the_map(measured, method):
    ax = pl.distances(measured, method=method, legend=False, show=False)
    (tree,) = [child for child in ax.child_axes if child.collections]
    brackets = np.array(tree.collections[0].get_segments())
    assert brackets.shape == (11, 4, 2)
    ends = brackets[:, [0, 3]].reshape(-1, 2)
    assert sorted(ends[ends[:, 0] == 0, 1]) == list(range(12))
    assert tree.get_ylim() == ax.get_ylim()
    heights = np.sort(brackets[:, 1, 0])
    assert heights[-3] < 5 < 15 < heights[-2]


def test_distances_annotates_with_strips_in_the_order_of_the_map(measured):
    ax = pl.distances(measured, annotate_keys=["class", "severity", "treated"], show=False)
    order = [int(name.split()[1]) for name in names(ax)]
    assert [strip.get_xticklabels()[0].get_text() for strip in strips(ax)] == ["class", "severity", "treated"]
    colors = [to_hex(rgba) for rgba in np.asarray(strips(ax)[0].images[0].get_array())[:, 0]]
    codes = measured.uns["gde"]["sets"]["class"].cat.codes.iloc[order]
    assert colors == [(GREY if code < 0 else COLORS[code]).lower() for code in codes]
    severity = np.asarray(strips(ax)[1].images[0].get_array())[:, 0]
    known = [i for i, row in enumerate(order) if row != 3]
    assert to_hex(severity[order.index(3)]) == GREY
    luminance = severity[known] @ [0.3, 0.59, 0.11, 0]
    assert np.argsort(luminance).tolist() == np.argsort(np.array(order)[known]).tolist()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[:5] == ["class", "IgA nephropathy", "b", "c", "NA"]
    assert labels[5:] == ["severity", "0", "0.545", "1", "NA", "treated", "False", "True"]


@pytest.mark.parametrize("column", ["constant", "unknown", "text", "stage", "count", "maybe"])
def test_distances_takes_any_column(measured, column):
    assert len(strips(pl.distances(measured, annotate_keys=column, show=False))) == 1


def test_distances_shows_sets_without_distance_in_grey_beyond_the_tree(measured):
    square = measured.uns["gde"]["distances"]["mahalanobis"]
    square[4] = square[:, 4] = np.nan
    square[4, 4] = 0
    ax = pl.distances(measured, metric="mahalanobis", show=False)
    assert names(ax).index("donor 4") in (0, 11)
    assert np.isnan(shown(ax)).sum() == 22
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["no distance"]


def test_distances_writes_no_names_of_many_sets(measured):
    table = measured.uns["gde"]["sets"]
    measured.uns["gde"]["sets"] = table.iloc[np.arange(72) % 12].set_axis([f"s{i}" for i in range(72)])
    measured.uns["gde"]["embedding"] = position = np.random.default_rng(0).normal(size=(72, 3))
    del measured.obs["gde_set"]  # the sets alone
    measured.uns["gde"]["distances"] = {"energy": squareform(pdist(position))}
    assert names(pl.distances(measured, metric="energy", show=False)) == []
    assert len(names(pl.distances(measured, metric="energy", labels=True, show=False))) == 72


def test_distances_tells_what_is_measured(measured):
    bar = pl.distances(measured, show=False).child_axes[-1]
    assert bar.get_xlabel() == "distance of embeddings, noise subtracted (units of the embedding)"
    measured.uns["gde"]["params"]["isometry"] = 0.1
    bar = pl.distances(measured, show=False).child_axes[-1]
    assert bar.get_xlabel() == "Wasserstein-2, from embeddings (units of the features)"


def test_distances_draws_in_given_axes_and_saves(measured, tmp_path):
    _, ax = plt.subplots()
    assert pl.distances(measured, ax=ax, title="all donors", legend=False) is ax
    assert ax.get_title("left") == "all donors"
    assert pl.distances(measured, show=False).get_title("left") == f"{len(measured.uns['gde']['sets'])} sets"
    assert ax.get_legend() is None
    plt.close("all")
    pl.distances(measured, annotate_keys="class", save=tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_distances_says_what_is_wrong(measured):
    with pytest.raises(KeyError, match=r"`metric` must be among what `scgde\.tl\.distances` computed"):
        pl.distances(measured, metric="energy")
    with pytest.raises(KeyError, match="`annotate_keys` must name columns of the set table, got 'x'"):
        pl.distances(measured, annotate_keys="x")
    with pytest.raises(ValueError, match="`method` must be one of"):
        pl.distances(measured, method="median")
    del measured.uns["gde"]["distances"]
    with pytest.raises(KeyError, match=r"scgde\.tl\.distances"):
        pl.distances(measured)
