"""Dependence of embeddings and groups: the Hilbert-Schmidt independence criterion."""

from __future__ import annotations

import torch
from torch import Tensor

#: Bandwidths of the kernel, relative to the root mean squared distance: neighbours count as well as means.
BANDWIDTHS = (0.25, 0.5, 1.0)


def group_dependence(embedding: Tensor, groups: Tensor) -> Tensor:
    """Normalised Hilbert-Schmidt independence criterion of embeddings and groups, a scalar.

    About 0 where they are independent, on average and for any number of sets; 1 where the embedding is a function of
    the group alone. It does not change when embeddings are shifted, rotated or multiplied, so that no network makes it
    small by making its embeddings large.

    Parameters
    ----------
    embedding
        One per set, shape ``(S, E)``.
    groups
        Code of each set, shape ``(S,)``. Four sets in two groups, one of them with two sets, are the least that can
        show a dependence; of fewer it is 0.

    References
    ----------
    :cite:t:`Gretton05`; without bias, :cite:t:`Song12`.
    """
    same = (groups[:, None] == groups[None, :]).to(embedding.dtype)
    off_diagonal = same.sum() - len(same)
    if len(embedding) < 4 or off_diagonal == 0 or same.all():
        return 0 * embedding.sum()
    kernel = gaussian_kernel(embedding)
    return hsic(kernel, same) / (hsic(kernel, kernel) * hsic(same, same)).clamp_min(1e-12).sqrt()


def gaussian_kernel(embedding: Tensor) -> Tensor:
    """Mean of Gaussian kernels of several widths, shape ``(S, S)``; the same for embeddings of any scale."""
    squares = (embedding[:, None] - embedding[None, :]).square().sum(-1)
    relative = squares / squares.mean().clamp_min(1e-12)
    return torch.stack([(relative / (-2 * width**2)).exp() for width in BANDWIDTHS]).mean(0)


def hsic(first: Tensor, second: Tensor) -> Tensor:
    """Hilbert-Schmidt independence criterion of two kernel matrices ``(n, n)``, n at least 4, without bias.

    With K and L the matrices without their diagonals:
    ``(tr(K L) + 1'K1 1'L1 / ((n - 1) (n - 2)) - 2 1'K L 1 / (n - 2)) / (n (n - 3))``.

    References
    ----------
    :cite:t:`Song12`, the estimator HSIC_1.
    """
    n = len(first)
    first, second = (kernel - kernel.diagonal().diag() for kernel in (first, second))
    joint = (first * second).sum()
    product = first.sum() * second.sum() / ((n - 1) * (n - 2))
    shared = 2 * (first.sum(0) * second.sum(0)).sum() / (n - 2)
    return (joint + product - shared) / (n * (n - 3))
