from __future__ import annotations

import numpy as np
import pytest

from scgde.data import SetIndex


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
