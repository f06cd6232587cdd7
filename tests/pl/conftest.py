from __future__ import annotations

import anndata as ad
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

N_SETS, CELLS_PER_SET, N_FEATURES = 12, 20, 5


@pytest.fixture(autouse=True)
def no_figure_is_left():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def adata() -> ad.AnnData:
    """Cells with what a fit writes, on made-up numbers."""
    rng = np.random.default_rng(0)
    names = [f"donor {i}" for i in range(N_SETS)]
    severity = np.linspace(0, 1, N_SETS)
    severity[3] = np.nan
    table = pd.DataFrame(
        {
            "n_cells": CELLS_PER_SET + np.arange(N_SETS),
            "severity": severity,
            "stage": pd.Categorical.from_codes(np.arange(N_SETS) % 4 - 1, ["II", "I", "unused"][:3], ordered=True),
            "class": pd.Categorical.from_codes([-1, *range(3), *[0] * 8], ["IgA nephropathy", "b", "c", "unused"]),
            "treated": np.arange(N_SETS) % 2 == 0,
            "maybe": pd.array([True, False, None] * 4, dtype="boolean"),
            "count": pd.array([1, 2, None] * 4, dtype="Int64"),
            "constant": 3.0,
            "unknown": np.nan,
            "text": ["x", None] * 6,
        },
        index=names,
    )
    # The first cell is in no set.
    cells = pd.Categorical([None, *np.repeat(names, table["n_cells"])], categories=names)
    obs = pd.DataFrame({"gde_set": cells}, index=np.arange(len(cells)).astype(str))
    adata = ad.AnnData(rng.normal(size=(len(cells), 2)).astype(np.float32), obs=obs)
    adata.obsm["X_pca"] = rng.normal(size=(len(cells), N_FEATURES)).astype(np.float32)
    steps = np.arange(1, 101)
    validation = np.where(steps % 10 == 0, np.abs(steps - 70) + 1.0, np.nan)
    adata.uns["gde"] = {
        "sets": table,
        "embedding": rng.normal(size=(N_SETS, 4)).astype(np.float32),
        "params": {"use_rep": "X_pca"},
        "history": pd.DataFrame({"step": steps, "train_loss": 100.0 / steps, "validation_loss": validation}),
    }
    return adata


@pytest.fixture
def generated(adata) -> ad.AnnData:
    names = ["donor 2", "donor 5", "donor 7"]
    obs = pd.DataFrame({"set": pd.Categorical(np.repeat(names, 8))}, index=np.arange(24).astype(str))
    return ad.AnnData(np.random.default_rng(1).normal(size=(24, N_FEATURES)).astype(np.float32), obs=obs)
