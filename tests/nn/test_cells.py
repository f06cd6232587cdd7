from __future__ import annotations

import pytest
import torch

from scgde.nn import cells
from scgde.nn.cells import CellSpec, check_supported, check_vectors, in_parts, like_cells, per_cell, take_cells
from scgde.nn.generators import GENERATORS, FlowMatching

SHAPES = pytest.mark.parametrize("shape", [(3,), (1, 4, 5)], ids=str)


@SHAPES
def test_per_cell_is_the_mean_over_the_values_of_a_cell(shape):
    x = torch.randn(2, 6, *shape)
    torch.testing.assert_close(per_cell(x), x.view(2, 6, -1).mean(-1))


@SHAPES
def test_like_cells_gives_each_cell_its_value(shape):
    x, values = torch.randn(2, 6, *shape), torch.randn(2, 6)
    product = like_cells(values, x) * x
    assert product.shape == x.shape
    torch.testing.assert_close(product[1, 4], values[1, 4] * x[1, 4])


@SHAPES
def test_take_cells_takes_whole_cells_of_their_set(shape):
    x, index = torch.randn(2, 6, *shape), torch.tensor([[5, 0, 5], [1, 1, 2]])
    taken = take_cells(x, index)
    for i in range(2):
        assert torch.equal(taken[i], x[i, index[i]])


@SHAPES
def test_in_parts_gives_the_same_with_few_cells_at_a_time(shape, monkeypatch):
    monkeypatch.setattr(cells, "_VALUES_AT_ONCE", 100)
    x, sizes = torch.randn(2, 50, *shape), []

    def squares(part):
        sizes.append(part.numel())
        return part.square().flatten(2)

    torch.testing.assert_close(in_parts(squares, x), x.square().flatten(2), rtol=0, atol=0)
    assert max(sizes) <= 100
    assert len(sizes) > 1


def test_vectors_are_cells_of_real_numbers():
    assert CellSpec.vectors(4) == ("continuous", (4,), torch.float32, None, 0)
    assert CellSpec("images", (2, 3, 4), torch.float32).size == 24


def test_a_kind_that_is_not_supported_is_refused_with_the_classes_that_do():
    tokens = CellSpec("tokens", (10,), torch.int64, 4)
    continuous = [name for name in GENERATORS if "continuous" in GENERATORS[name].supports]
    check_supported(FlowMatching, CellSpec.vectors(3), "generator", GENERATORS)
    with pytest.raises(ValueError, match=r"`generator` must support 'tokens' cells, got FlowMatching, for \['contin"):
        check_supported(FlowMatching, tokens, "generator", GENERATORS)
    with pytest.raises(ValueError) as error:
        check_supported(type("Texts", (), {"supports": {"tokens"}}), CellSpec.vectors(3), "generator", GENERATORS)
    assert str(error.value).endswith(f"Those that do: {continuous}.")


def test_check_vectors_returns_the_number_of_features():
    assert check_vectors(CellSpec.vectors(5), "It") == 5
