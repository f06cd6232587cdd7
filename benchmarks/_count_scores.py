"""Generated counts against held-out ones: what of genes, their correlations and library sizes is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.stats import ks_2samp
from sklearn.decomposition import PCA

import scgde

if TYPE_CHECKING:
    from collections.abc import Mapping

N_COMPONENTS, N_CORRELATED = 30, 60
#: Counts of a gene that make its mean, and mean that makes its variance, worth comparing.
MIN_COUNTS, MIN_MEAN = 10, 0.02
#: Cells of a set from which its energy distance is taken.
N_CELLS = 200


def dense(x) -> np.ndarray:
    """Counts as floats."""
    return np.asarray(x.toarray() if sparse.issparse(x) else x, dtype=np.float64)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson correlation; NaN where one is constant."""
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else np.nan


class Judge:
    """Scores of counts, in units of the training cells ``(n, G)``: their components, and their mean expression."""

    def __init__(self, train: np.ndarray) -> None:
        self.median = np.median(train.sum(axis=1))
        self.log_share = np.log(train.mean(axis=0) / train.mean(axis=0).sum() + 1e-7)
        values = self.log_normalized(train)
        self.pca = PCA(N_COMPONENTS, random_state=0).fit(values)
        self.scale = np.sqrt(self.pca.transform(values).var(axis=0).mean())

    def log_normalized(self, counts: np.ndarray) -> np.ndarray:
        return np.log1p(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) * self.median)

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Components of log-normalised values."""
        return self.pca.transform(values) / self.scale

    def energy(self, real: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Unbiased energy distance of each set to log-normalised values of generated cells."""
        return {
            name: scgde.metrics.energy_distance(
                self.coordinates(self.log_normalized(x)), self.coordinates(values[name][:N_CELLS]), unbiased=True
            )
            for name, x in real.items()
        }

    def scores(self, real: Mapping[str, np.ndarray], made: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Every score of counts of sets by name; as many cells of each are compared as there are real ones."""
        energy = self.energy(real, {name: self.log_normalized(x) for name, x in made.items()})
        made = {name: made[name][: len(x)] for name, x in real.items()}
        pooled = np.concatenate(list(real.values())), np.concatenate(list(made.values()))
        per_set = [self._of_set(real[name], made[name]) for name in real]
        means = {name: float(np.nanmean([row[name] for row in per_set])) for name in per_set[0]}
        return {"energy": float(np.mean(list(energy.values())))} | self._of_pool(*pooled) | means

    def _of_pool(self, real: np.ndarray, made: np.ndarray) -> dict[str, float]:
        """Variances and correlations of genes."""
        high = real.mean(axis=0) > MIN_MEAN
        log_ratio = np.log((made.var(axis=0)[high] + 1e-6) / real.var(axis=0)[high])
        values = [self.log_normalized(x) for x in (real, made)]
        top = np.argsort(-values[0].var(axis=0))[:N_CORRELATED]
        upper = np.triu_indices(N_CORRELATED, 1)
        truth, found = (np.nan_to_num(np.corrcoef(x[:, top].T))[upper] for x in values)
        counted = real.sum(axis=0) >= MIN_COUNTS
        means = (np.log(x.mean(axis=0)[counted] + 1e-4) for x in (real, made))
        return {
            "gene_gene_r": correlation(truth, found),
            "gene_gene_slope": float(np.polyfit(truth, found, 1)[0]),
            "log_variance_error": float(np.abs(log_ratio).mean()),
            "log_variance_bias": float(log_ratio.mean()),
            "r_log_mean": correlation(*means),
        }

    def _of_set(self, real: np.ndarray, made: np.ndarray) -> dict[str, float]:
        """What is specific to a set: its fold changes against the training cells, zeros and library sizes."""
        counted = real.sum(axis=0) >= MIN_COUNTS
        fold = [np.log((x.mean(axis=0) + 0.5 / len(x)) / x.sum(axis=1).mean()) - self.log_share for x in (real, made)]
        truth, found = (x[counted] for x in fold)
        return {
            "r_delta": correlation(truth, found),
            "zero_gap": float(np.abs((real == 0).mean(axis=0) - (made == 0).mean(axis=0)).mean()),
            "library_ks": float(ks_2samp(real.sum(axis=1), made.sum(axis=1)).statistic),
        }
