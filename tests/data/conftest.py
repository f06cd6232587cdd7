from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch

from scgde.data import CellSets, CellView, SetIndex, open_store
from scgde.data.representations import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from scgde.nn.cells import SetBatch


@pytest.fixture
def sizes() -> np.ndarray:
    """Sizes of 40 sets, 1 to 40."""
    return np.random.default_rng(0).permutation(np.arange(1, 41))


@pytest.fixture
def codes(sizes: np.ndarray) -> np.ndarray:
    """Set of each cell, cells in random order; 30 of them are in no set."""
    return np.random.default_rng(1).permutation(np.repeat(np.arange(-1, 40), np.r_[30, sizes]))


@pytest.fixture
def index(codes: np.ndarray) -> SetIndex:
    return SetIndex.from_codes(codes, 40)


@pytest.fixture
def cell_sets() -> Callable[..., CellSets]:
    """Make sets of the cells of an array, whose target is another one on request."""

    def make(x: np.ndarray, index: SetIndex, *, target: np.ndarray | None = None) -> CellSets:
        views = [CellView(Vectors.unnamed(a.shape[1]), open_store(a)) for a in (x, x if target is None else target)]
        return CellSets(*views, index, pd.DataFrame(index=[f"s{i:02d}" for i in range(index.n_sets)]))

    return make


@pytest.fixture
def assert_same() -> Callable[[SetBatch, SetBatch], None]:
    """Require that two batches agree in each tensor."""

    def compare(a: SetBatch, b: SetBatch) -> None:
        torch.testing.assert_close(a, b, rtol=0, atol=0)

    return compare
