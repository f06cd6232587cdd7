from __future__ import annotations

import numpy as np


def predictability(known: np.ndarray, values: np.ndarray) -> float:
    """How far classes are known from other classes of the same units, each from the other units alone.

    Parameters
    ----------
    known
        Codes that are known of each unit, shape ``(n,)``.
    values
        Codes that are guessed, as the most frequent one among the *other* units with the same known code, ``(n,)``.

    Returns
    -------
    Share of the errors of the most frequent value that this avoids (lambda of Goodman and Kruskal, with each unit left
    out): 1 for a relabelling, about 0 or below for unrelated classes, 0 where all values are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from scgde import stats
    >>> float(stats.predictability(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])))
    1.0
    """
    counts = np.zeros((known.max() + 1, values.max() + 1))
    np.add.at(counts, (known, values), 1)
    total = counts.sum(axis=0)
    others = counts[known] - np.eye(len(total))[values]
    # Of a code that no other unit has, nothing is known.
    guesses = np.where(others.any(axis=1), others.argmax(axis=1), total.argmax())
    most = total.max() / len(values)
    return float((np.mean(guesses == values) - most) / (1 - most)) if most < 1 else 0.0
