from __future__ import annotations

import inspect

import pytest
import torch

from scgde import nn
from scgde._registry import Registry

REGISTRIES = {
    "backbone": (nn.BACKBONES, nn.Backbone),
    "condition": (nn.CONDITIONS, nn.TransportCondition),
    "encoder": (nn.ENCODERS, nn.Encoder),
    "featurizer": (nn.FEATURIZERS, nn.Featurizer),
    "generator": (nn.GENERATORS, nn.Generator),
    "transform": (nn.TRANSFORMS, nn.CellTransform),
    "transport": (nn.TRANSPORTS, nn.Transport),
}
OF_KINDS = [kind for kind, (_, base) in REGISTRIES.items() if hasattr(base, "supports")]
EACH = pytest.mark.parametrize(("kind", "registry", "base"), [(kind, *pair) for kind, pair in REGISTRIES.items()])


def test_every_registry_of_nn_is_tested():
    assert {name for name in nn.__all__ if isinstance(getattr(nn, name), Registry)} == {
        "BACKBONES",
        "CONDITIONS",
        "ENCODERS",
        "FEATURIZERS",
        "GENERATORS",
        "TRANSFORMS",
        "TRANSPORTS",
    }
    assert len(REGISTRIES) == 7


@EACH
def test_registered_classes_are_final_and_documented(kind, registry, base):
    classes = [registry[name] for name in registry]
    for cls in classes:
        assert issubclass(cls, base)
        assert not cls.__abstractmethods__
        assert "Parameters\n" in inspect.cleandoc(cls.__doc__)
    assert not any(issubclass(a, b) for a in classes for b in classes if a is not b)
    assert repr(registry).startswith(f"Registry({kind!r}, [")
    assert [registry.name_of(cls) for cls in classes] == list(registry)


@EACH
def test_registered_classes_take_sizes_by_position_and_choices_by_name(kind, registry, base):
    sizes = {
        "backbone": ["spec", "n_context"],
        "condition": ["n_embed"],
        "encoder": ["n_input", "n_embed"],
        "featurizer": ["spec"],
        "generator": ["spec", "n_context"],
        "transform": ["spec"],
        "transport": ["spec", "n_context"],
    }[kind]
    for name in registry:
        parameters = inspect.signature(registry[name]).parameters.values()
        assert [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD] == sizes


@pytest.mark.parametrize("kind", OF_KINDS)
def test_registered_classes_support_kinds_of_cells(kind):
    registry = REGISTRIES[kind][0]
    assert OF_KINDS == ["backbone", "featurizer", "generator", "transform", "transport"]
    for name in registry:
        assert registry[name].supports
        assert registry[name].supports <= {"continuous", "counts", "tokens", "images"}


@pytest.fixture
def free_name():
    """Name of an encoder that is unregistered after the test."""
    yield "mean"
    nn.ENCODERS.unregister("mean")


def test_a_class_of_a_users_own_is_registered_with_a_decorator(free_name):
    @nn.ENCODERS.register(free_name)
    class Mean(nn.Encoder):
        """Weighted mean of the cells, then a linear map."""

        def __init__(self, n_input, n_embed):
            super().__init__(n_input, n_embed)
            self.head = torch.nn.Linear(n_input, n_embed)

        def forward(self, x, weights):
            return self.head((x * weights[..., None]).sum(1))

    encoder = nn.ENCODERS[free_name](3, 2)
    assert encoder(torch.randn(4, 5, 3), torch.full((4, 5), 0.2)).shape == (4, encoder.n_embed)
    assert free_name in repr(nn.ENCODERS)
