"""Formulas as they are written down, one call a pair, option or dimension: what savings are measured against."""

# ruff: noqa: SLF001

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import eigh

from scgde.nn.influence import influence
from scgde.predictors import _choose, _kernel, _kernel_system
from scgde.predictors._kernel_system import KernelSystem, Regression
from scgde.predictors._mixture import energy_score
from scgde.stats import hotelling
from scgde.tl._compare_sets import SHARE, _Tests

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from anndata import AnnData

    from scgde.module import SetModule

_PAIRS_PER_BATCH = 4096


def statistics_of_all_pairs(adata: AnnData) -> np.ndarray:
    """T squared of all pairs of sets, with one eigendecomposition a pair, shape ``(P,)``."""
    tests = _Tests.of(adata, "gde", None)
    first, second = np.triu_indices(len(tests.sets.names), 1)
    starts = range(0, len(first), _PAIRS_PER_BATCH)
    return np.concatenate([_statistics(tests, *(i[s : s + _PAIRS_PER_BATCH] for i in (first, second))) for s in starts])


def _statistics(tests: _Tests, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    z = tests.sets.embedding - tests.sets.embedding.mean(axis=0)
    outer, n_others = np.einsum("se,sf->sef", z, z), max(len(z) - 2, 1)
    mean = -(z[a] + z[b]) / n_others
    scatter = outer.sum(axis=0) - outer[a] - outer[b] - n_others * np.einsum("pe,pf->pef", mean, mean)
    variance, axes = np.linalg.eigh(scatter + tests._noise())
    share, axes = np.cumsum(variance[:, ::-1].clip(0), axis=1), axes[:, :, ::-1]
    k = np.minimum(1 + (share < SHARE * share[:, -1:]).sum(axis=1), tests._most(a, b))
    difference = np.einsum("pek,pe->pk", axes, z[a] - z[b])
    covariance = np.stack([axes.swapaxes(1, 2) @ tests.sets.covariance[i] @ axes for i in (a, b)])
    found = np.empty(len(a))
    for n in np.unique(k):
        of_n = k == n
        n_cells = np.stack([tests.sets.n_cells[i[of_n]] for i in (a, b)])
        found[of_n] = hotelling(difference[of_n, :n], covariance[:, of_n, :n, :n], n_cells).statistic
    return found


def influence_of_each_dimension(module: SetModule, x: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """One backward pass through all cells for each dimension of the embedding."""
    return influence(module.embed, x, weights)


@contextmanager
def options_one_at_a_time(max_pairs: int) -> Iterator[None]:
    """Cross-validation of the kernel predictor with errors left out per penalty and form, on ``max_pairs`` pairs.

    All that may be mixed is compared on all of them, in double precision.
    """

    def of_each(system: KernelSystem, values: list[np.ndarray], groups: np.ndarray) -> list[Regression]:
        return [_regression(system, part, groups) for part in values]

    saved: dict[Any, Any] = {
        (_choose, "MAX_PAIRS"): max_pairs,
        (_kernel_system, "MAX_PAIRS"): max_pairs,
        (_kernel, "_SCREENED"): np.inf,
        (_kernel, "energy_score"): lambda known, truth: energy_score(known.astype(float), truth.astype(float)),
        (_kernel_system, "eigh"): lambda matrix, **options: eigh(matrix.astype(float), overwrite_a=True),
        (Regression, "of_each"): staticmethod(of_each),
    }
    before = {(owner, name): vars(owner)[name] for owner, name in saved}
    try:
        for (owner, name), value in saved.items():
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name), value in before.items():
            setattr(owner, name, value)


def _regression(system: KernelSystem, values: np.ndarray, groups: np.ndarray) -> Regression:
    penalties = _kernel_system._MEAN_PENALTIES
    errors = [system.left_out(values, groups, [penalty])[0] for penalty in penalties]
    best = int(np.argmin([np.square(error).sum() for error in errors]))
    return Regression(system, values, float(penalties[best]), errors[best])
