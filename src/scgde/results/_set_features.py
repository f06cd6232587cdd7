"""Simple descriptions of each set, to compare an embedding with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_columns
from scgde.metrics import median_bandwidth
from scgde.results._fitted_sets import FittedSets

if TYPE_CHECKING:
    from anndata import AnnData

#: Random Fourier features of the kernel mean, cosines and sines.
N_FREQUENCIES = 64
_MAX_BANDWIDTH_CELLS = 1000


def set_features(adata: AnnData, state_key: str | None, key: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Representations of the sets by name, each of shape ``(S, d)``.

    ``"majority"`` knows nothing (d is 0); ``"means"`` and ``"means_sd"`` hold the moments of each feature of the fit,
    ``"kernel_mean"`` the mean of random features of a Gaussian kernel, ``"composition"`` the shares of the cell types.
    """
    if state_key is not None:
        check_columns(adata.obs, state_key=state_key)
    fitted = FittedSets.read(adata, key, all_rows=True)
    frequencies = _frequencies(fitted, rng)
    means, sds, fourier = [], [], []
    for i in range(fitted.index.n_sets):
        x = fitted.ground(fitted.index.rows(i))
        angles = x @ frequencies
        means.append(x.mean(axis=0))
        sds.append(x.std(axis=0))
        fourier.append(np.concatenate([np.cos(angles).mean(axis=0), np.sin(angles).mean(axis=0)]))
    features = {
        "majority": np.empty((len(means), 0)),
        "means": np.stack(means),
        "means_sd": np.column_stack([means, sds]),
        "kernel_mean": np.stack(fourier),
    }
    return features if state_key is None else features | {"composition": _composition(adata, fitted, state_key, key)}


def _frequencies(fitted: FittedSets, rng: np.random.Generator) -> np.ndarray:
    """Frequencies of random Fourier features of a Gaussian kernel with the median bandwidth, shape ``(G, n)``."""
    cells = fitted.index.cells
    rows = rng.choice(cells, min(len(cells), _MAX_BANDWIDTH_CELLS), replace=False)
    x = fitted.ground(np.sort(rows))
    return rng.standard_normal((x.shape[1], N_FREQUENCIES)) / median_bandwidth(x, count_equal=True)


def _composition(adata: AnnData, fitted: FittedSets, state_key: str, key: str) -> np.ndarray:
    counts = pd.crosstab(adata.obs[_keys.set_column(key)].astype(str), adata.obs[state_key].astype(str))
    shares = counts.div(counts.sum(axis=1), axis=0)
    return shares.reindex(fitted.table.index.astype(str), fill_value=0).to_numpy()
