"""Numbers of the k-mers of sequences."""

from __future__ import annotations

import torch
from torch import Tensor


def kmer_codes(x: Tensor, k: int, n_letters: int) -> tuple[Tensor, Tensor]:
    """Number of the k-mer that begins at each position, and whether there is one.

    Parameters
    ----------
    x
        Tokens, of which 1 to ``n_letters`` are letters, int64 of shape ``(..., L)``.
    k
        Letters of a k-mer.
    n_letters
        Size of the alphabet.

    Returns
    -------
    Numbers from 0 to ``n_letters ** k - 1``, and True where all k tokens are letters, both of shape
    ``(..., L - k + 1)``; empty for sequences shorter than k.
    """
    n_starts = max(x.shape[-1] - k + 1, 0)
    code = x.new_zeros(*x.shape[:-1], n_starts)
    inside = torch.ones_like(code, dtype=torch.bool)
    for i in range(k):
        token = x[..., i : i + n_starts]
        inside = inside & (token >= 1) & (token <= n_letters)
        code = code * n_letters + token - 1
    return code, inside


def longest_kmer(n_letters: int, *, at_most: int, max_count: int) -> int:
    """Largest k up to ``at_most`` of which there are no more than ``max_count`` k-mers; 1 at least."""
    return max([1, *(k for k in range(2, at_most + 1) if n_letters**k <= max_count)])
