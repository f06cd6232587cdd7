from __future__ import annotations

import pytest
import torch

from scgde.nn.backbones import BACKBONES, MLP
from scgde.nn.cells import CellSpec

N_FEATURES, N_CONTEXT = 3, 5
INPUTS = ("x", "time", "context")


@pytest.fixture(params=list(BACKBONES))
def backbone(request, build, shake):
    return shake(build(BACKBONES[request.param], CellSpec.vectors(N_FEATURES), N_CONTEXT))


@pytest.fixture
def inputs():
    return {"x": torch.randn(2, 6, N_FEATURES), "time": torch.rand(2, 6), "context": torch.randn(2, N_CONTEXT)}


def test_backbone_gives_one_vector_a_cell(backbone, inputs):
    assert backbone(**inputs).shape == inputs["x"].shape


@pytest.mark.parametrize("name", INPUTS)
def test_backbone_depends_on_each_input(backbone, inputs, name):
    changed = inputs | {name: inputs[name] + 0.3}
    assert ((backbone(**changed) - backbone(**inputs)).abs().amax(-1) > 1e-4).all()


def test_backbone_treats_cells_on_their_own(backbone, inputs):
    alone = backbone(inputs["x"][:, :1], inputs["time"][:, :1], inputs["context"])
    torch.testing.assert_close(backbone(**inputs)[:, :1], alone)


def test_backbone_passes_gradient_to_parameters_and_inputs(backbone, inputs, without_gradient):
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    backbone(**inputs).square().sum().backward()
    assert without_gradient(backbone) == []
    assert all(inputs[name].grad.isfinite().all() and inputs[name].grad.any() for name in INPUTS)


def test_mlp_takes_features_that_follow_those_of_a_cell(inputs):
    backbone = MLP(CellSpec.vectors(N_FEATURES), N_CONTEXT, n_extra=2)
    x = torch.cat([inputs["x"], torch.randn(2, 6, 2)], dim=-1)
    assert backbone(x, inputs["time"], inputs["context"]).shape == inputs["x"].shape


def test_mlp_refuses_images():
    with pytest.raises(ValueError, match=r"The backbone `mlp` requires cells of shape \(G,\), got \(1, 8, 8\)"):
        MLP(CellSpec("continuous", (1, 8, 8), torch.float32), N_CONTEXT)
