from __future__ import annotations

import pytest
import torch

from scgde.nn.backbones import BACKBONES, MLP, build_backbone
from scgde.nn.cells import CellSpec

N_FEATURES, N_CONTEXT = 3, 5
SPECS = {
    "continuous": CellSpec.vectors(N_FEATURES),
    "tokens": CellSpec("tokens", (7,), torch.int64, 4),
    "images": CellSpec("images", (2, 7, 8), torch.float32),
}
CASES = [(name, kind) for name in BACKBONES for kind in sorted(BACKBONES[name].supports)]
INPUTS = ("x", "time", "context")


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    return request.param


@pytest.fixture
def backbone(case, build, shake):
    name, kind = case
    return shake(build(BACKBONES[name], SPECS[kind], N_CONTEXT))


@pytest.fixture
def inputs(case, sample_cells):
    x = sample_cells(SPECS[case[1]], n_sets=2)
    return {"x": x, "time": torch.rand(2, 6), "context": torch.randn(2, N_CONTEXT)}


def test_backbone_gives_one_output_of_the_shape_of_a_cell(backbone, inputs):
    assert backbone(**inputs).shape == inputs["x"].shape


@pytest.mark.parametrize("name", INPUTS)
def test_backbone_depends_on_each_input(backbone, inputs, name):
    changed = inputs | {name: inputs[name] + 0.3}
    assert ((backbone(**changed) - backbone(**inputs)).flatten(2).abs().amax(-1) > 1e-4).all()


def test_backbone_treats_cells_on_their_own(backbone, inputs):
    alone = backbone(inputs["x"][:, :1], inputs["time"][:, :1], inputs["context"])
    torch.testing.assert_close(backbone(**inputs)[:, :1], alone)


def test_backbone_passes_gradient_to_parameters_and_inputs(backbone, inputs, without_gradient):
    inputs = {name: value.requires_grad_() for name, value in inputs.items()}
    backbone(**inputs).square().sum().backward()
    assert without_gradient(backbone) == []
    assert all(inputs[name].grad.isfinite().all() and inputs[name].grad.any() for name in INPUTS)


def test_mlp_takes_features_that_follow_those_of_a_cell():
    backbone = MLP(CellSpec.vectors(N_FEATURES), N_CONTEXT, n_extra=2)
    x = torch.randn(2, 6, N_FEATURES + 2)
    assert backbone(x, torch.rand(2, 6), torch.randn(2, N_CONTEXT)).shape == (2, 6, N_FEATURES)


def test_backbones_of_another_kind_are_refused_with_those_that_do():
    able = [name for name in BACKBONES if "images" in BACKBONES[name].supports]
    with pytest.raises(
        ValueError, match=r"`backbone` must support 'images' cells, got MLP, for \['continuous'\]"
    ) as error:
        build_backbone("mlp", SPECS["images"], N_CONTEXT)
    assert all(repr(name) in str(error.value) for name in able)
