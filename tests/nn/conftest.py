from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch

from scgde.nn import CellSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SMALL = {"n_hidden": 32, "n_layers": 1, "n_points": 16, "backbone_kwargs": {"n_hidden": 32, "n_layers": 1}}


@pytest.fixture(autouse=True)
def reseed() -> Iterator[Callable[[int], Any]]:
    """Seed torch's global random state, also at the start of each test; it is put back at the end."""
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    yield torch.default_generator.manual_seed
    torch.set_rng_state(state)


@pytest.fixture
def build() -> Callable[..., Any]:
    """Make a small instance of a registered class, whichever of the size options it has."""

    def make(cls: type, *sizes: Any, **options: Any) -> Any:
        known = inspect.signature(cls).parameters
        return cls(*sizes, **{name: value for name, value in SMALL.items() if name in known} | options)

    return make


@pytest.fixture
def vectors() -> Callable[[int], CellSpec]:
    """Make the spec of cells that are vectors."""
    return CellSpec.vectors


@pytest.fixture
def sample_cells() -> Callable[..., torch.Tensor]:
    """Draw sets of cells of a spec."""

    def draw(spec: CellSpec, n_sets: int = 4, n_cells: int = 6) -> torch.Tensor:
        shape = (n_sets, n_cells, *spec.shape)
        if spec.kind == "tokens":
            return torch.randint(spec.n_values, shape, dtype=spec.dtype)
        if spec.kind == "counts":
            return torch.poisson(torch.rand(shape) * 5).to(spec.dtype)
        return torch.randn(shape, dtype=spec.dtype)

    return draw


@pytest.fixture
def shake() -> Callable[[torch.nn.Module], torch.nn.Module]:
    """Move all parameters off their initial values, some of which are zero and hold gradients back."""

    @torch.no_grad()
    def move(module: torch.nn.Module) -> torch.nn.Module:
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        return module

    return move


@pytest.fixture
def without_gradient() -> Callable[[torch.nn.Module], list[str]]:
    """Names of the parameters that a backward pass left without a finite gradient other than zero."""

    def names(module: torch.nn.Module) -> list[str]:
        trained = [(name, p.grad) for name, p in module.named_parameters() if p.requires_grad]
        return [name for name, grad in trained if grad is None or not grad.isfinite().all() or not grad.any()]

    return names
