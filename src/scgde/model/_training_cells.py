from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from scgde.sets import Features, SetIndex

_VALUES_PER_READ = 2**24


def training_blocks(features: Features, index: SetIndex, sets: np.ndarray) -> Iterator[Tensor]:
    """Cells of ``sets``, each once, in blocks ``(n, G)`` that fit in memory; held-out sets leave no trace."""
    chosen = np.zeros(index.n_sets, dtype=bool)
    chosen[sets] = True
    rows = np.sort(index.cells[np.repeat(chosen, index.sizes)])
    n_rows = max(1, _VALUES_PER_READ // features.n_features)
    for start in range(0, len(rows), n_rows):
        yield features.gather(torch.from_numpy(rows[start : start + n_rows]))
