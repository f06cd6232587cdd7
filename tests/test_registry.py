from __future__ import annotations

import pytest

from scgde._registry import Registry


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


def test_name_of_is_the_inverse_of_a_look_up(registry):
    assert [registry.name_of(registry[name]) for name in registry] == ["blue", "red"]


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


def test_registry_shows_its_names(registry):
    assert repr(registry) == "Registry('colour', ['blue', 'red'])"


def test_registry_forgets_what_is_unregistered(registry):
    registry.unregister("red")
    assert list(registry) == ["blue"]
    registry.register("red")(type("Other", (), {}))
    assert registry["red"].__name__ == "Other"
    with pytest.raises(ValueError, match=r"`colour` must be one of \['blue', 'red'\], got 'green'"):
        registry.unregister("green")


class Shape:
    def __init__(self, size, *, sides=3, colour="red"):
        self.values = (size, sides, colour)


def test_registry_makes_an_object_with_its_options():
    registry = Registry("shape")
    registry.register("polygon")(Shape)
    assert registry.make("polygon", 2, options={"sides": 4}).values == (2, 4, "red")
    assert registry.make("polygon", 2, options=None, colour="blue").values == (2, 3, "blue")


@pytest.mark.parametrize("name", ["sise", "size", "colour"])
def test_registry_refuses_options_that_a_class_does_not_take(name):
    registry = Registry("shape")
    registry.register("polygon")(Shape)
    with pytest.raises(TypeError, match=rf"`shape_kwargs` must be options of 'polygon', got \['{name}'\].*\['sides'\]"):
        registry.make("polygon", 2, options={name: 1}, colour="red")
