"""Baselines and distances of benchmarks on sequences: shares of words, and ridge regression on their means."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from sklearn.linear_model import RidgeCV

from scgde.nn.kmers import kmer_codes


def word_counts(tokens: np.ndarray, k: int, n_letters: int) -> sparse.csr_matrix:
    """Counts of the words of k letters of each sequence ``(n, L)``, shape ``(n, n_letters ** k)``."""
    code, inside = kmer_codes(torch.from_numpy(tokens.astype(np.int64)), k, n_letters)
    rows, _ = np.nonzero(inside.numpy())
    columns = code[inside].numpy()
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(tokens), n_letters**k))


def mean_counts(counts: sparse.csr_matrix, rows: list[np.ndarray]) -> np.ndarray:
    """Mean counts of sets of rows, shape ``(S, n_words)``."""
    return np.stack([np.asarray(counts[part].mean(axis=0)).ravel() for part in rows])


def shares(counts: sparse.csr_matrix) -> np.ndarray:
    """Share of each word among all words of some sequences, shape ``(n_words,)``."""
    total = np.asarray(counts.sum(axis=0), dtype=float).ravel()
    return total / total.sum()


def frequencies(values: np.ndarray, n: int) -> np.ndarray:
    """Share of each of ``n`` codes, shape ``(n,)``."""
    return np.bincount(values, minlength=n)[:n] / len(values)


def total_variation(a: np.ndarray, b: np.ndarray) -> float:
    """Half the sum of the differences of two distributions."""
    return float(0.5 * np.abs(a - b).sum())


def ridge(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Predictions for ``new`` of a ridge regression on standardised features; strength by cross-validation."""
    varies = x.std(axis=0) > 1e-12
    mean, sd = x[:, varies].mean(axis=0), x[:, varies].std(axis=0)
    fit = RidgeCV(np.logspace(-3, 6, 19)).fit((x[:, varies] - mean) / sd, y)
    return fit.predict((new[:, varies] - mean) / sd)
