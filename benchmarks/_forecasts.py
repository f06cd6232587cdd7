"""Fits, forecasts and scores that the transport experiments share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import scgde
from _common import timed
from scgde.metrics._forecasts import ForecastScore
from scgde.model import TDE
from scgde.predictors import PREDICTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from anndata import AnnData

#: Energy distance over all pairs of cells (V-statistic), and without pairs of a cell with itself.
METRICS = ("energy", "unbiased_energy")
#: Stochastic predictors, and the target embeddings that each draws for a source.
STOCHASTIC, N_DRAWS = ("neighbors", "kernel", "flow"), 10


def fit(
    adata: AnnData, seed: int, steps: int, *, record: dict | None = None, model: dict | None = None, **training: Any
) -> TDE:
    """A trained model of the sets in ``obs["set"]``; the seconds that it took go to ``record``."""
    TDE.setup_anndata(adata, set_key="set")
    fitted = TDE(adata, seed=seed, **(model or {}))
    with timed({} if record is None else record):
        fitted.train(steps, seed=seed, accelerator="cpu", progress_bar=False, **training)
    return fitted


def joined(sets: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Cells of all sets, and the set of each."""
    codes = np.repeat(np.arange(len(sets)), [len(cells) for cells in sets])
    return np.concatenate(sets).astype(np.float32), codes


def embed(model: TDE, sets: Sequence[np.ndarray]) -> np.ndarray:
    """Embedding of each set, shape ``(S, E)``."""
    return model.embed(*joined(sets))


def transport_cells(model: TDE, sets: Sequence[np.ndarray], source: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Cells of each set, transported from embeddings ``(S, E)`` to embeddings ``(S, E)``."""
    x, codes = joined(sets)
    return np.split(model.transport(x, codes, source, target)[0], np.flatnonzero(np.diff(codes)) + 1)


def fit_error(sets: Sequence[np.ndarray], mean: np.ndarray, covariance: np.ndarray) -> float:
    """Mean squared W2 of the Gaussian fit of each set to the true Gaussian."""
    fitted = np.stack([cells.mean(0) for cells in sets]), np.stack([np.cov(cells.T) for cells in sets])
    return float(np.square(scgde.metrics.gaussian_wasserstein(*fitted, mean, covariance)).mean())


def energies(transported: Sequence[np.ndarray], truth: Sequence[np.ndarray], *, unbiased: bool = True) -> np.ndarray:
    """Energy distance of the cells ``(n, G)``, or ``(draws, n, G)``, of each set to its truth."""
    measure = ForecastScore(partial(scgde.metrics.energy_distance, unbiased=unbiased), is_unbiased=unbiased)
    rng = np.random.default_rng(0)
    return np.array([measure(*ends, rng) for ends in zip(transported, truth, strict=True)])


def score_forecasts(adata: AnnData, **options: Any) -> pd.DataFrame:
    """`tl.evaluate_transport` by both energy distances."""
    return scgde.tl.evaluate_transport(adata, metric=list(METRICS), **options)


def predicted(model: TDE, pairs: Sequence[tuple[str, str]], z: np.ndarray, *, seed: int) -> dict[str, np.ndarray]:
    """Target embeddings of sources ``(S, E)`` by each predictor fitted to the pairs, shape ``(S, draws, E)``."""
    embedding = model.get_embedding()
    source, target = (embedding.loc[[pair[end] for pair in pairs]].to_numpy() for end in (0, 1))
    fitted = {name: PREDICTORS[name]().fit(source, target, seed=seed) for name in STOCHASTIC}
    drawn = {
        name: predictor.draw(z, n_draws=N_DRAWS, rng=np.random.default_rng(seed)) for name, predictor in fitted.items()
    }
    return {"ridge": PREDICTORS["ridge"]().fit(source, target, seed=seed).mean(z)[:, None]} | drawn


def forecast(model: TDE, sets: Sequence[np.ndarray], z: np.ndarray, draws: np.ndarray) -> list[np.ndarray]:
    """Cells of each set transported to each embedding drawn for it, ``(S, draws, E)``: shape ``(draws, n, G)`` each."""
    transported = [transport_cells(model, sets, z, draws[:, i]) for i in range(draws.shape[1])]
    return [np.stack(parts) for parts in zip(*transported, strict=True)]
