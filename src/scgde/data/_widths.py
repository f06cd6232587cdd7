"""Which sets of a batch fit into fewer slots, so that the encoder need not see those that are empty."""

from __future__ import annotations

import numpy as np
import torch

from scgde.nn.cells import WidthClass

#: Few and fixed, so that shapes recur.
WIDTHS = (8, 16, 32, 64)


def width_classes(weights: np.ndarray) -> tuple[WidthClass, ...]:
    """Sets by the narrowest width that holds their cells; none where all need the slots that there are.

    Parameters
    ----------
    weights
        Of the cells of each set, 0 in empty slots, shape ``(S, M)``.
    """
    n_slots = weights.shape[1]
    last_used = n_slots - (weights[:, ::-1] > 0).argmax(axis=1)
    widths = np.array([*(width for width in WIDTHS if width < n_slots), n_slots])
    fitting = widths[np.searchsorted(widths, last_used)]
    if (fitting == n_slots).all():
        return ()
    return tuple(
        WidthClass(int(width), torch.from_numpy(np.flatnonzero(fitting == width))) for width in np.unique(fitting)
    )
