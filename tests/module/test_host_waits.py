"""Training steps on the meta device, which has no values: to read one, for which a GPU would be waited, fails."""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scgde.module import GDEModule, TDEModule
from scgde.nn.cells import CellSpec, Measure, SetBatch
from scgde.nn.virtual_sets import SetSummary
from scgde.train import SetTrainingPlan

N_SETS, N_CELLS, SPEC = 6, 8, CellSpec.vectors(4)
META = torch.device("meta")
#: Of a step, with its update of averages; 507 to 1,017 when this was written.
MOST_OPERATORS = 1050


def with_virtual_sets():
    """Moments, and training sets of which virtual ones are drawn, with exchanged cells."""
    module = GDEModule(SPEC, 30, n_core=14, encoder="pooled_gnn", generator="flow_matching")
    x, weights = torch.randn(N_SETS, N_CELLS, 4), torch.full((N_SETS, N_CELLS), 1 / N_CELLS)
    numbers, coordinates = torch.arange(N_SETS), module.core.fit([x.flatten(0, 1)], [(x, weights)])
    module.virtual_sets.fit([SetSummary.of(numbers, x, weights)])
    module.exchange.fit(module.core, numbers, coordinates)
    assert min(module.virtual_sets.share, module.exchange.share) > 0
    return module


MODULES = {
    "GDE": lambda: GDEModule(SPEC, 16, encoder="pooled_gnn", generator="flow_matching"),
    "virtual sets": with_virtual_sets,
    "isometry": lambda: GDEModule(SPEC, 16, encoder="deep_sets", generator="flow_matching", isometry=1.0),
    "diffusion": lambda: GDEModule(SPEC, 16, encoder="pooled_attention", generator="diffusion"),
    "label": lambda: GDEModule(SPEC, 16, encoder="pooled_gnn", generator="flow_matching", n_classes=3),
    "TDE": lambda: TDEModule(SPEC, 16, encoder="pooled_gnn", transport="flow_matching", transport_kwargs=INDEPENDENT),
}
INDEPENDENT = {"coupling": "independent"}


class Operators(TorchDispatchMode):
    """Lists operators, each of which is launched on a GPU, and copies between host and device among them."""

    def __init__(self) -> None:
        super().__init__()
        self.launched: list[str] = []
        self.copies: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.launched.append(str(func))
        devices = {x.device for x in (*args, out) if isinstance(x, torch.Tensor) and x.ndim}
        if len(devices) > 1:
            self.copies.append(str(func))
        return out


def batch(n_cells=N_CELLS):
    views = (Measure(torch.empty(N_SETS, n_cells, 4), torch.empty(N_SETS, n_cells)) for _ in range(2))
    covariates = {"label": torch.zeros(N_SETS, device=META)}
    ends = {"source": torch.arange(N_SETS - 1, device=META), "destination": torch.arange(1, N_SETS, device=META)}
    on_device = (Measure(*(part.to(META) for part in view)) for view in views)
    return SetBatch(*on_device, torch.arange(N_SETS, device=META), 3, covariates, **ends)


def operators_of_a_step(name, n_cells=N_CELLS):
    plan = SetTrainingPlan(MODULES[name](), max_steps=10).to(META)
    one = batch(n_cells)
    with Operators() as operators:
        plan.training_step(one, 0).backward()
        plan.averaged.update(plan.module, 1)
    return operators


@pytest.mark.parametrize("name", MODULES)
def test_a_step_reads_nothing_from_the_device_and_sends_nothing(name):
    assert operators_of_a_step(name).copies == []


@pytest.mark.parametrize("name", MODULES)
def test_a_step_launches_as_much_for_many_cells_as_for_few(name):
    few, many = (operators_of_a_step(name, n_cells).launched for n_cells in (N_CELLS, 8 * N_CELLS))
    assert few == many
    assert len(few) <= MOST_OPERATORS


def test_a_value_that_is_read_is_noticed():
    with pytest.raises(RuntimeError, match="meta"):
        bool(torch.zeros(2, device=META).sum() > 0)


def test_a_copy_is_noticed():
    with Operators() as operators:
        torch.zeros(2).to(META)
    assert len(operators.copies) == 1
