"""Rates of counts in a set, and the counts of its cells at other rates."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from scipy import sparse

from scgde.data.representations._count_projection import log_normalized

#: Fold changes are at most so large, and one over it at least: those of genes that are hardly there are noise.
_MAX_FOLD = 20.0
#: Mean log-normalised expression, and overdispersion, of a gene, at least.
_MIN_LEVEL, _MIN_DISPERSION = 1e-3, 1e-2


class CountRates(NamedTuple):
    """Negative binomial rates of genes in the cells of a set, by moments.

    Attributes
    ----------
    share
        Of each gene in all counts, shape ``(G,)``.
    theta
        Inverse dispersion of each gene, shape ``(G,)``: the variance of a count is ``mean + mean ** 2 / theta``.
    level
        Mean log-normalised expression of each gene, shape ``(G,)``.
    """

    share: np.ndarray
    theta: np.ndarray
    level: np.ndarray

    @classmethod
    def of(cls, counts: sparse.csr_matrix, size: float) -> Self:
        """Rates of the cells ``(n, G)`` of a set; ``size`` is the library size of log-normalised values."""
        x = sparse.csr_matrix(counts, dtype=np.float64)
        library = np.asarray(x.sum(axis=1)).ravel()
        genes = np.asarray(x.sum(axis=0)).ravel()
        share = genes / max(genes.sum(), 1.0)
        squares = np.square(share) * np.square(library).sum()
        # Sum over cells of (x - mean) ** 2 - mean, where the mean is library * share.
        above = np.asarray(x.multiply(x).sum(axis=0)).ravel() - 2 * share * (x.T @ library) + squares - genes
        dispersion = np.maximum(above / np.maximum(squares, 1e-12), _MIN_DISPERSION)
        level = np.asarray(log_normalized(x, size).mean(axis=0)).ravel()
        return cls(share, 1 / dispersion, np.maximum(level, _MIN_LEVEL))

    def fold_changes(self, displacement: np.ndarray) -> np.ndarray:
        """Fold change of the rates of cells whose log-normalised values are displaced by ``(n, G)``, shape ``(n, G)``.

        Exactly 1 where the displacement is 0.
        """
        fold = np.expm1(np.maximum(self.level + displacement, 0.0)) / np.expm1(self.level)
        return np.clip(fold, 1 / _MAX_FOLD, _MAX_FOLD)

    def at_fold_changes(self, counts: np.ndarray, fold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Counts of the same cells, had their rates been other ones.

        Fewer are a binomial share of the observed ones. More are these and Poisson counts of the missing part of the
        rate, which is drawn given what was observed. Where counts are negative binomial with these rates, the result is
        negative binomial with the rates times ``fold``, and at a fold change of 1 it is what was observed.

        Parameters
        ----------
        counts
            Whole numbers, shape ``(n, G)``.
        fold
            Shape ``(n, G)``.
        rng
            Random state.

        Returns
        -------
        Shape ``(n, G)``.
        """
        mean = counts.sum(axis=1, keepdims=True) * self.share
        kept = rng.binomial(counts, np.minimum(fold, 1.0))
        rate = rng.gamma(self.theta + counts, mean / (self.theta + mean))
        return kept + rng.poisson(np.maximum(fold - 1.0, 0.0) * rate)
