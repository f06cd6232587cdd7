from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import get


@pytest.fixture
def screen() -> ad.AnnData:
    adata = ad.AnnData(np.zeros((2, 2), dtype=np.float32))
    names = [f"{line}|{gene}" for line in "ab" for gene in ("NT", "G1", "G2", "G1+G2")]
    rows = [(f"{line}|NT", f"{line}|{gene}", gene, line) for line in "ab" for gene in ("G1", "G2", "G1+G2")]
    z = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=float)
    adata.uns["tde"] = {
        "sets": pd.DataFrame({"n_cells": 50}, index=names),
        "embedding": np.concatenate([z, 3 * z + 5]),
        "pairs": pd.DataFrame(rows, columns=["source", "target", "perturbation", "context"]),
    }
    return adata


def test_effects_are_displacements_of_singles_from_their_control(screen):
    effects = get.perturbation_effects(screen)
    assert effects.index.tolist() == ["G1", "G2"]
    np.testing.assert_allclose(effects, [[2, 0], [0, 2]])
    np.testing.assert_allclose(get.perturbation_effects(screen, context="b"), [[3, 0], [0, 3]])


def test_effects_need_a_fit_on_perturbations_and_a_known_context(screen):
    with pytest.raises(KeyError, match="in `context`, got 'c'"):
        get.perturbation_effects(screen, context="c")
    with pytest.raises(KeyError, match="fit_tde"):
        get.perturbation_effects(screen, "gde")
