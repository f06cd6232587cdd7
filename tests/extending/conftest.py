from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scgde.data.representations import REPRESENTATIONS
from scgde.metrics import METRICS
from scgde.nn import BACKBONES, ENCODERS, FEATURIZERS, GENERATORS, TRANSFORMS, TRANSPORTS
from scgde.predictors import PREDICTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import ModuleType

HERE = Path(__file__).parent
REGISTRIES: tuple[Any, ...] = (
    BACKBONES,
    ENCODERS,
    FEATURIZERS,
    GENERATORS,
    METRICS,
    PREDICTORS,
    REPRESENTATIONS,
    TRANSFORMS,
    TRANSPORTS,
)


@contextmanager
def _registered(*paths: str) -> Iterator[dict[str, ModuleType]]:
    before, names = [set(registry) for registry in REGISTRIES], [path.replace("/", "_") for path in paths]
    try:
        yield {Path(path).stem: _load(name, HERE / path) for name, path in zip(names, paths, strict=True)}
    finally:
        for name in names:
            sys.modules.pop(name, None)
        for registry, known in zip(REGISTRIES, before, strict=True):
            for name in set(registry) - known:
                registry.unregister(name)


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where a dataclass looks its annotations up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def registered() -> Callable[..., AbstractContextManager[dict[str, ModuleType]]]:
    """Import files of this folder, and take back what they registered: no other test meets it."""
    return _registered


@pytest.fixture(scope="session")
def r2() -> Callable[[np.ndarray, np.ndarray], float]:
    """Share of the dispersion of the true means of sets ``(S, ...)`` that predicted ones explain."""

    def score(predicted: np.ndarray, truth: np.ndarray) -> float:
        residual = np.square(predicted - truth).sum()
        return float(1 - residual / np.square(truth - truth.mean(axis=0)).sum())

    return score
