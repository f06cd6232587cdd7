"""Influence of each cell on the embedding of its set, by derivatives in the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.layers import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def influence(encode: Callable[[Tensor, Tensor], Tensor], x: Tensor, weights: Tensor) -> Tensor:
    """Influence function of each embedding dimension at each cell.

    The derivative of the embedding as weight moves from the whole set to one cell. One backward pass per
    dimension serves all sets and cells.

    Parameters
    ----------
    encode
        Cells ``(S, M, G)`` and weights ``(S, M)`` to embeddings ``(S, E)``, differentiable in the weights.
    x, weights
        Its arguments.

    Returns
    -------
    Shape ``(S, M, E)``; the weighted mean over the cells of each set is zero.

    References
    ----------
    :cite:t:`Hampel74`; the delta method in :cite:t:`vanderVaart98`, section 20.1.
    """
    weights = weights.detach().requires_grad_()
    with torch.enable_grad():
        embedding = encode(x, weights)
        columns = [_gradient(embedding[:, i].sum(), weights) for i in range(embedding.shape[1])]
    slope = torch.stack(columns, dim=-1)
    return slope - torch.einsum("sm,sme->se", weights.detach(), slope)[:, None, :]


def influence_of_mean(readout: Callable[[Tensor], Tensor], states: Tensor, weights: Tensor) -> Tensor:
    """Influence on a function of the weighted mean over the cells of a set, in closed form.

    What a cell adds to the mean, times the derivative of the function there: the cost hardly grows with its outputs.

    Parameters
    ----------
    readout
        Means ``(S, H)`` to values ``(S, K)``, differentiable.
    states
        What is averaged, shape ``(S, M, H)``.
    weights
        Shape ``(S, M)``.

    Returns
    -------
    Shape ``(S, M, K)``, as of :func:`influence`.
    """
    mean = weighted_mean(states, weights).detach().requires_grad_()
    with torch.enable_grad():
        values = readout(mean)
        slope = torch.stack([_gradient(values[:, i].sum(), mean) for i in range(values.shape[1])], dim=-1)
    return (states - mean.detach()[:, None]) @ slope


def _gradient(value: Tensor, variable: Tensor) -> Tensor:
    return torch.autograd.grad(value, variable, retain_graph=True)[0]


def embedding_covariance(influences: Tensor, weights: Tensor, n_cells: Tensor) -> Tensor:
    """Covariance of the embeddings over draws of as many cells from the same population.

    Parameters
    ----------
    influences
        Shape ``(S, M, E)``.
    weights
        Shape ``(S, M)``.
    n_cells
        Cells of each set, shape ``(S,)``; a set of one cell gets NaN.

    Returns
    -------
    Shape ``(S, E, E)``: Cov(influence) / n, with the usual n / (n - 1) for the mean being estimated.
    """
    spread = torch.einsum("sm,sme,smf->sef", weights, influences, influences)
    n_cells = n_cells.to(spread)[:, None, None]
    return torch.where(n_cells > 1, spread / (n_cells - 1).clamp_min(1), torch.nan)
