from __future__ import annotations

from itertools import combinations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Annotation, Text

from scgde import pl

LINES, GENES = ("a", "b"), ("NT", "G1", "G2", "G3", "G1+G2")


@pytest.fixture
def screen() -> ad.AnnData:
    """Effects of four perturbations, the same in two lines but for where these lie."""
    rng = np.random.default_rng(0)
    effects = np.concatenate([np.zeros((1, 4)), [[4, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0.1, 0], [4, 2, 0, 0]]])
    adata = ad.AnnData(np.zeros((3, 2), dtype=np.float32))
    names = [f"{line}|{gene}" for line in LINES for gene in GENES]
    rows = [(f"{line}|NT", f"{line}|{gene}", gene, line) for line in LINES for gene in GENES[1:]]
    adata.uns["tde"] = {
        "sets": pd.DataFrame({"n_cells": 50}, index=names),
        "embedding": np.concatenate([effects + rng.normal(size=4) for _ in LINES]),
        "pairs": pd.DataFrame(rows, columns=["source", "target", "perturbation", "context"]),
    }
    return adata


def arrows(ax) -> np.ndarray:
    return np.array([patch._posA_posB[1] for patch in ax.patches if isinstance(patch, FancyArrowPatch)])


def names(ax) -> set[str]:
    return {child.get_text() for child in ax.get_children() if isinstance(child, Annotation)}


def test_arrows_are_the_displacements_from_the_control_of_each_context(screen):
    ends = arrows(pl.perturbations(screen, show=False))
    assert len(ends) == 8
    # In the plane of the two large effects nothing is lost, whatever the place of a line.
    np.testing.assert_allclose(np.sort(np.linalg.norm(ends, axis=1))[2:], np.repeat([2, 4, 20**0.5], 2), rtol=1e-3)


def test_the_longest_arrows_or_those_asked_for_are_named(screen):
    assert names(pl.perturbations(screen, n_names=2, show=False)) == {"G1+G2", "G1"}
    assert names(pl.perturbations(screen, ["G3"], show=False)) == {"G3"}


def test_names_cover_no_other(screen):
    z = screen.uns["tde"]["embedding"]
    z[1:] = z[0] + 0.01 * np.arange(1, 10)[:, None] * np.ones(4)
    ax = pl.perturbations(screen, show=False)
    ax.figure.draw_without_rendering()
    texts = [child for child in ax.get_children() if isinstance(child, Annotation)]
    boxes = [Text.get_window_extent(text).shrunk(0.95, 0.95) for text in texts]
    assert len(boxes) == 4
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_contexts_have_colours_and_a_legend(screen):
    legend = pl.perturbations(screen, show=False).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    one = pl.perturbations(screen, context="b", show=False)
    assert len(arrows(one)) == 4
    assert one.get_legend() is None


def test_wrong_questions_are_refused(screen):
    with pytest.raises(KeyError, match=r"`perturbations` must be those of the fit, got \['G9'\]"):
        pl.perturbations(screen, ["G9"])
    with pytest.raises(KeyError, match=r"`context` must name contexts of the fit, got \['c'\]"):
        pl.perturbations(screen, context="c")
    screen.uns["tde"]["pairs"] = screen.uns["tde"]["pairs"].drop(columns="perturbation")
    with pytest.raises(KeyError, match="must be of perturbations"):
        pl.perturbations(screen)
