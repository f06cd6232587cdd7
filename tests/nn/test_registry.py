from __future__ import annotations

import pytest

from scgde._registry import Registry
from scgde.nn.backbones import BACKBONES, Backbone
from scgde.nn.encoders import ENCODERS, Encoder
from scgde.nn.generators import GENERATORS, Generator


@pytest.fixture
def registry():
    registry = Registry("colour")
    registry.register("red")(type("Red", (), {}))
    registry.register("blue")(type("Blue", (), {}))
    return registry


def test_registry_returns_the_class_of_a_name(registry):
    assert registry["red"].__name__ == "Red"
    assert "red" in registry
    assert "green" not in registry


def test_registry_lists_names_in_order(registry):
    assert list(registry) == ["blue", "red"]
    assert len(registry) == 2


def test_registry_refuses_a_second_class_under_a_name(registry):
    with pytest.raises(ValueError, match="A colour named 'red' exists already: Red"):
        registry.register("red")(type("Other", (), {}))
    assert registry["red"].__name__ == "Red"


@pytest.mark.parametrize("name", ["green", None, ["red"]])
def test_registry_lists_names_when_unknown(registry, name):
    with pytest.raises(ValueError, match=r"`colour` must be one of \['blue', 'red'\], got"):
        registry[name]


@pytest.mark.parametrize(("registry", "base"), [(ENCODERS, Encoder), (GENERATORS, Generator), (BACKBONES, Backbone)])
def test_registered_classes_are_final_and_documented(registry, base):
    classes = [registry[name] for name in registry]
    for cls in classes:
        assert issubclass(cls, base)
        assert not cls.__abstractmethods__
        assert cls.__doc__
    assert not any(issubclass(a, b) for a in classes for b in classes if a is not b)
