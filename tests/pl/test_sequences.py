from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import metrics, pl, pp


def tokenized(texts, sets, column):
    obs = pd.DataFrame({"text": texts, column: pd.Categorical(sets)}, index=np.arange(len(texts)).astype(str))
    adata = ad.AnnData(obs=obs)
    pp.tokenize(adata, "text", max_length=6)
    return adata


@pytest.fixture
def observed():
    adata = tokenized(["ACGT", "ACG", "AC", "TTTTT"], ["a", "a", "b", "b"], "gde_set")
    table = pd.DataFrame({"n_cells": [2, 2]}, index=["a", "b"])
    adata.uns["gde"] = {"sets": table, "params": {"cells": "tokens", "use_rep": "X_tokens"}}
    return adata


@pytest.fixture
def drawn():
    return tokenized(["ACGT", "ACGG", "ACG"], ["a", "a", "a"], "set")


def test_sequences_draws_shares_of_lengths(observed, drawn):
    (ax,) = pl.sequences(observed, drawn, kinds="lengths", show=False)
    assert {bar.get_x() + bar.get_width() / 2: bar.get_height() for bar in ax.patches} == pytest.approx(
        {3: 0.5, 4: 0.5}
    )
    assert ax.lines[0].get_ydata() == pytest.approx([1 / 3, 2 / 3])


def test_sequences_draws_differences_of_letters_by_position(observed, drawn):
    (ax,) = pl.sequences(observed, drawn, kinds="positions", show=False)
    image = np.asarray(ax.images[0].get_array())
    assert image.shape == (4, 6)
    # At the fourth position: T in one of two, and in one of three, where another has G.
    assert image[:, 3] == pytest.approx([0, 0, 1 / 3, 1 / 3 - 1 / 2])
    assert [label.get_text() for label in ax.get_yticklabels()] == list("ACGT")


def test_sequences_draws_words_of_observed_against_generated(observed, drawn):
    (ax,) = pl.sequences(observed, drawn, kinds="words", k=2, show=False)
    points = np.asarray(ax.collections[0].get_offsets())
    assert points.sum(axis=0) == pytest.approx([1, 1])
    distance = metrics.kmer_distance(["ACGT", "ACG"], ["ACGT", "ACGG", "ACG"], k=2)
    assert ax.texts[0].get_text() == f"total variation {distance:.3f}"


def test_sequences_has_a_panel_for_each_kind(observed, drawn):
    axes = pl.sequences(observed, drawn, show=False)
    assert [ax.get_title("left") for ax in axes] == ["lengths", "letters by position", "words"]


def test_sequences_refuses_sets_and_fits_that_it_cannot_draw(observed, drawn):
    with pytest.raises(KeyError, match=r"`sets` must be observed and generated, got \['b'\]"):
        pl.sequences(observed, drawn, sets=["b"], show=False)
    observed.uns["gde"]["params"]["use_rep"] = "X_pca"
    with pytest.raises(ValueError, match="got one on 'X_pca'"):
        pl.sequences(observed, drawn, show=False)


def test_sequences_refuses_cells_of_sets_that_were_not_fitted(observed, drawn):
    observed.obs["gde_set"] = observed.obs["gde_set"].cat.rename_categories({"b": "c"})
    observed.uns["gde"] |= {"embedding": np.zeros((2, 3), dtype=np.float32), "model": {}}
    with pytest.raises(ValueError, match=r"must name sets of `adata.uns\['gde'\]`, but names 1 others: \['c'\]"):
        pl.sequences(observed, drawn, show=False)


def test_figures_of_features_refuse_sequences(observed, drawn):
    with pytest.raises(ValueError, match="must hold cells that are vectors"):
        pl.generated(observed, drawn, show=False)
