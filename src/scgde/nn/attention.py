"""Self-attention over a weighted set, in memory linear in its cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

# The only key feature of a cell of weight 0: far below any score. Minus infinity would make gradients NaN.
_ABSENT = -3e4


def weighted_attention(query: Tensor, key: Tensor, value: Tensor, weights: Tensor) -> Tensor:
    """Attend to cells in proportion to ``exp(score) * weight``.

    The log-weight is one more feature of the keys, which every query reads with factor 1, and not a mask: so
    the fused kernels of torch apply, forward and backward, and none of them holds an (M, M) matrix.

    Parameters
    ----------
    query, key
        Shape ``(S, heads, M, D - 1)``: one feature fewer than the values, whose last one is for the log-weight.
    value
        Shape ``(S, heads, M, D)``.
    weights
        Non-negative, each row sums to 1, shape ``(S, M)``.

    Returns
    -------
    Shape ``(S, heads, M, D)``. Cells of weight 0 attend, but are not attended to, and their
    weights get no gradient.
    """
    scale = query.shape[-1] ** -0.5
    # The largest log-weight is 0, so that equal weights are exact in half precision too.
    relative = weights / weights.detach().amax(dim=1, keepdim=True)
    absent = weights == 0
    bias = (relative.masked_fill(absent, 1).log() / scale).masked_fill(absent, _ABSENT)
    key = key.masked_fill(absent[:, None, :, None], 0)
    key = torch.cat([key, bias[:, None, :, None].expand(*key.shape[:-1], 1)], dim=-1)
    return functional.scaled_dot_product_attention(functional.pad(query, (0, 1), value=1.0), key, value, scale=scale)


class SelfAttention(nn.Module):
    """Attention of each cell to the cells of its set, by their weights; the heads are joined and not mixed.

    Parameters
    ----------
    n_hidden
        Features of a cell before and after.
    n_heads
        Heads, each with ``n_hidden / n_heads`` features.

    Raises
    ------
    ValueError
        If ``n_hidden`` is no multiple of ``n_heads``, or leaves a head fewer than two features.
    """

    def __init__(self, n_hidden: int, *, n_heads: int = 4) -> None:
        super().__init__()
        if n_heads < 1 or n_hidden % n_heads or n_hidden < 2 * n_heads:
            msg = f"`n_hidden` must be a multiple of `n_heads`, from 2 times on, got {n_hidden} and {n_heads}."
            raise ValueError(msg)
        self.n_heads = n_heads
        self.query = nn.Linear(n_hidden, n_hidden - n_heads)
        self.key = nn.Linear(n_hidden, n_hidden - n_heads)
        self.value = nn.Linear(n_hidden, n_hidden)

    def forward(self, state: Tensor, weights: Tensor) -> Tensor:
        """Cells ``(S, M, H)`` and their weights ``(S, M)`` to ``(S, M, H)``."""
        query, key, value = (self._heads(part(state)) for part in (self.query, self.key, self.value))
        return weighted_attention(query, key, value, weights).transpose(1, 2).flatten(-2)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
