from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scgde.nn.attention import SelfAttention, weighted_attention
from scgde.nn.encoders import ENCODERS

ATTENTION_ENCODERS = ["pooled_attention", "residual_attention", "wormhole"]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_weights(*shape: int, seed: int = 0) -> torch.Tensor:
    return draw(*shape, seed=seed).mul(2).softmax(-1)


def naive(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """exp(score) * weight, normalised, with the whole matrix in memory."""
    share = (query @ key.mT / query.shape[-1] ** 0.5).exp() * weights[:, None, None, :]
    return (share / share.sum(-1, keepdim=True)) @ value


@pytest.fixture
def parts() -> tuple[torch.Tensor, ...]:
    return (
        draw(3, 2, 40, 7, seed=1),
        draw(3, 2, 40, 7, seed=2),
        draw(3, 2, 40, 8, seed=3),
        random_weights(3, 40),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weighted_attention_equals_naive_softmax(parts: tuple[torch.Tensor, ...], dtype: torch.dtype) -> None:
    parts = tuple(part.to(dtype) for part in parts)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(weighted_attention(*parts), naive(*parts), rtol=tolerance, atol=tolerance)


def test_weighted_attention_has_the_gradients_of_naive_softmax(parts: tuple[torch.Tensor, ...]) -> None:
    parts = tuple(part.double().requires_grad_() for part in parts)
    probe = draw(3, 2, 40, 8, seed=4).double()
    gradients = torch.autograd.grad((weighted_attention(*parts) * probe).sum(), parts)
    expected = torch.autograd.grad((naive(*parts) * probe).sum(), parts)
    torch.testing.assert_close(gradients, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("scale", [1.0, 1e12])
def test_weighted_attention_ignores_cells_of_weight_zero(parts: tuple[torch.Tensor, ...], scale: float) -> None:
    query, key, value, weights = parts
    expected = weighted_attention(query, key[:, :, :30], value[:, :, :30], weights[:, :30])
    key, value, weights = key.clone(), value.clone(), weights.clone()
    key[:, :, 30:] *= scale
    value[:, :, 30:] *= scale
    weights[:, 30:] = 0
    torch.testing.assert_close(weighted_attention(query, key, value, weights), expected)


def test_self_attention_sees_only_the_one_cell_with_weight() -> None:
    attention = SelfAttention(8, n_heads=2)
    x, weights = draw(2, 5, 8), torch.eye(5)[:2]
    expected = attention.value(x[[0, 1], [0, 1]])[:, None, :].expand(2, 5, 8)
    torch.testing.assert_close(attention(x, weights), expected)


def test_self_attention_refuses_a_width_that_heads_do_not_divide() -> None:
    with pytest.raises(ValueError, match=r"multiple of `n_heads`.*got 30 and 4"):
        SelfAttention(30, n_heads=4)


@pytest.mark.parametrize("name", ATTENTION_ENCODERS)
def test_attention_encoder_has_finite_gradients_when_weights_are_zero(name: str) -> None:
    encoder = ENCODERS[name](3, 4, n_hidden=16)
    x = draw(2, 9, 3).mul(100).requires_grad_()
    weights = torch.cat([torch.full((2, 4), 0.25), torch.zeros(2, 5)], dim=1).requires_grad_()
    encoder(x, weights).sum().backward()
    gradients = [x.grad, weights.grad, *(parameter.grad for parameter in encoder.parameters())]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert (x.grad[:, 4:] == 0).all()


@pytest.mark.parametrize("name", ATTENTION_ENCODERS)
def test_attention_encoder_sees_more_than_the_mean(name: str) -> None:
    encoder = ENCODERS[name](2, 3, n_hidden=16)
    x = draw(1, 20, 2)
    spread = (x - x.mean(1, keepdim=True)) * 3 + x.mean(1, keepdim=True)
    weights = torch.full((1, 20), 1 / 20)
    assert (encoder(x, weights) - encoder(spread, weights)).abs().max() > 1e-3


class LargestTensor(TorchDispatchMode):
    """Elements of the largest tensor that any operation returns."""

    n_elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        sizes = [leaf.numel() for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        self.n_elements = max([self.n_elements, *sizes])
        return result


@pytest.mark.parametrize("name", ATTENTION_ENCODERS)
def test_attention_encoder_makes_no_square_matrix(name: str) -> None:
    n_cells, n_hidden = 2000, 16
    encoder = ENCODERS[name](3, 4, n_hidden=n_hidden, n_layers=1, n_heads=2)
    with LargestTensor() as largest:
        encoder(draw(1, n_cells, 3), torch.full((1, n_cells), 1 / n_cells)).sum().backward()
    assert 0 < largest.n_elements <= n_cells * 4 * n_hidden


@pytest.mark.slow
def test_attention_of_20000_cells_takes_little_memory() -> None:
    import resource  # there on POSIX only

    x = draw(1, 2, 20_000, 8, seed=1)
    query, key = x[..., :7].clone().requires_grad_(), x[..., 1:].clone().requires_grad_()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    weighted_attention(query, key, x, torch.full((1, 20_000), 1 / 20_000)).sum().backward()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes < 100_000  # a matrix of float32 is 1,600,000
