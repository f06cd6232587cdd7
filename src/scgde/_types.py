from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

#: One obs column, or several that together name a set.
GroupBy = str | Sequence[str]
#: Plain values only: what JSON can hold.
Config = dict[str, Any]


class Measure(NamedTuple):
    """An empirical measure: cells with weights.

    Attributes
    ----------
    x
        Finite features, shape ``(n, G)``.
    weights
        Positive, sum 1, shape ``(n,)``.

    Examples
    --------
    >>> import numpy as np
    >>> import scgde
    >>> cells = scgde.metrics.Measure(np.array([[0.0], [1.0]]), np.array([0.75, 0.25]))
    >>> float(cells.weights @ cells.x[:, 0])
    0.25
    """

    x: np.ndarray
    weights: np.ndarray


#: A set by its name, or all sets with values of columns of the set table, ``{"status": "Covid"}``.
SetLike = str | Mapping[str, Any]
