from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, named, set_of_each_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


@checked_keywords
def multinomial_sets(
    n_sets: int = 100,
    n_cells: int | tuple[int, int] = 100,
    n_classes: int = 3,
    *,
    n_trials: int = 20,
    alpha: float | Sequence[float] = 1.0,
    seed: int = 0,
) -> AnnData:
    """Sets of cells that are multinomial counts with probabilities from a Dirichlet.

    Parameters
    ----------
    n_sets
        Number of sets.
    n_cells
        Cells per set, or a range ``(low, high)``, both included, for ragged sets.
    n_classes
        Classes ``G``, the features.
    n_trials
        Trials per cell: its counts sum to this.
    alpha
        Concentration of the Dirichlet: one number, or one for each class.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with counts in ``X``, ``obs["set"]`` and ``uns["truth"]["p"]`` of shape ``(S, G)``, in the order of
    the categories of ``obs["set"]``.

    Examples
    --------
    >>> import scgde
    >>> scgde.datasets.multinomial_sets(5, 20, 3).shape
    (100, 3)
    """
    n_classes = check_count(n_classes, "n_classes", minimum=2)
    n_trials = check_count(n_trials, "n_trials")
    concentration = _concentration(alpha, n_classes)
    rng = check_seed(seed)
    codes = set_of_each_cell(n_sets, n_cells, rng)
    p = rng.dirichlet(concentration, size=n_sets)
    counts = rng.multinomial(n_trials, p[codes])
    return cells_anndata(counts, {"set": named("set", codes, n_sets)}, {"p": p}, feature="class")


def _concentration(alpha: float | Sequence[float], n_classes: int) -> np.ndarray:
    values = np.asarray(alpha, dtype=float)
    if values.shape not in {(), (n_classes,)} or not ((values > 0) & np.isfinite(values)).all():
        msg = f"`alpha` must be one positive number, or one for each of {n_classes} classes, got {alpha!r}."
        raise ValueError(msg)
    return np.broadcast_to(values, n_classes)
