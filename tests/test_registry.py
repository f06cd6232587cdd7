from __future__ import annotations

import pytest

from scgde._registry import Registry


@pytest.fixture
def registry():
    registry = Registry("colour")
    registry.register("red")(type("Red", (), {}))
    registry.register("blue")(type("Blue", (), {}))
    return registry


def test_registry_shows_its_names(registry):
    assert repr(registry) == "Registry('colour', ['blue', 'red'])"


def test_registry_forgets_what_is_unregistered(registry):
    registry.unregister("red")
    assert list(registry) == ["blue"]
    registry.register("red")(type("Other", (), {}))
    assert registry["red"].__name__ == "Other"
    with pytest.raises(ValueError, match=r"`colour` must be one of \['blue', 'red'\], got 'green'"):
        registry.unregister("green")
