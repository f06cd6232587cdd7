from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde.metrics._measure import as_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike


def split_half(
    x: ArrayLike,
    metric: Callable[[np.ndarray, np.ndarray], float],
    *,
    n_splits: int = 10,
    seed: int = 0,
) -> float:
    """Noise floor of a metric: its mean between random disjoint halves of one cloud of cells.

    What two draws of ``n // 2`` cells from the same population measure. No better score is to be expected of
    generated cells that are compared with so many observed ones.

    Parameters
    ----------
    x
        Cells, shape ``(n, G)``.
    metric
        Function of two clouds of cells, e.g. ``energy_distance`` or
        ``functools.partial(energy_distance, unbiased=True)``.
    n_splits
        Random splits to average over. With an odd number of cells, each split leaves one out.
    seed
        Of the splits.

    Raises
    ------
    ValueError
        If `x` is not a finite matrix of at least two cells, or `n_splits` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> floor = scgde.metrics.split_half(x, scgde.metrics.energy_distance)
    >>> floor < scgde.metrics.energy_distance(x, x + 1)
    True
    """
    cells = as_cells(x, name="x")
    half = len(cells) // 2
    if half == 0 or n_splits < 1:
        msg = f"`split_half` needs two cells and one split or more, got {len(cells)} and `n_splits={n_splits}`."
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(cells)) for _ in range(n_splits)]
    return float(np.mean([metric(cells[order[:half]], cells[order[half : 2 * half]]) for order in orders]))
