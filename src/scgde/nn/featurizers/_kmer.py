from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count
from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.kmers import kmer_codes
from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec

#: Rows of the table for the k-mers of one length; where there are more k-mers, they share rows.
_MAX_ROWS = 4096
#: Odd, so that k-mers that differ in one letter do not share a row.
_MULTIPLIER = 2654435761


@FEATURIZERS.register("kmer")
class Kmer(Featurizer):
    """Sum of a vector for each k-mer of a sequence, for its length, and for its first token where that is no letter.

    Part of the vectors is random and fixed: the mean of these features over a set is a random projection of its k-mer
    spectrum, which training cannot lose. A perceptron on the others, which are learnt, is the rest.

    Parameters
    ----------
    spec
        Tokens, of which 0 ends a sequence.
    n_output
        Features made.
    n_fixed
        How many of them are fixed.
    max_k
        Letters of the longest k-mers; shorter ones are counted, too.

    Raises
    ------
    ValueError
        If ``n_fixed`` is not below ``n_output``.
    """

    supports = frozenset({"tokens"})

    fixed: Tensor
    weight: Tensor

    def __init__(self, spec: CellSpec, *, n_output: int = 96, n_fixed: int = 32, max_k: int = 4) -> None:
        super().__init__()
        self.n_output = check_count(n_output, "n_output", minimum=2)
        if not 0 <= n_fixed < n_output:
            msg = f"`n_fixed` must be below `n_output`, {n_output}, got {n_fixed}."
            raise ValueError(msg)
        self.n_first, self.max_k = spec.n_first, check_count(max_k, "max_k")
        self.n_letters = (spec.n_values or 1) - 1 - spec.n_first
        sizes = [min(self.n_letters**k, _MAX_ROWS) for k in range(1, max_k + 1)]
        sizes += [spec.shape[0] + 1, *([spec.n_values or 0] if spec.n_first else [])]
        # Row 0 is that of what is no k-mer.
        self.offsets = [1 + sum(sizes[:i]) for i in range(len(sizes) + 1)]
        weight = torch.ones(self.offsets[-1], 1)
        # A sequence has one length but many k-mers: their sum counts as much.
        weight[: self.offsets[max_k]] = spec.shape[0] ** -0.5
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("fixed", torch.randn(self.offsets[-1], n_fixed))
        n_learnt = n_output - n_fixed
        self.learnt = nn.Parameter(torch.randn(self.offsets[-1], n_learnt))
        self.network = mlp(n_learnt, n_learnt, n_hidden=n_learnt, n_layers=1)

    def forward(self, x: Tensor) -> Tensor:
        rows = self._rows(x.long())
        table = torch.cat([self.fixed, self.learnt], dim=1) * self.weight
        bags = functional.embedding_bag(rows.flatten(0, -2), table, mode="sum", padding_idx=0)
        fixed, learnt = bags.unflatten(0, x.shape[:-1]).split([self.fixed.shape[1], self.learnt.shape[1]], dim=-1)
        return torch.cat([fixed, self.network(learnt)], dim=-1)

    def _rows(self, x: Tensor) -> Tensor:
        """Rows of the table that are summed for each sequence ``(..., L)``, shape ``(..., n)``."""
        parts = [self._rows_of_kmers(x, k) for k in range(1, self.max_k + 1)]
        parts.append(self.offsets[self.max_k] + (x > 0).sum(-1, keepdim=True))
        if self.n_first:
            parts.append(self.offsets[self.max_k + 1] + x[..., :1])
        return torch.cat(parts, dim=-1)

    def _rows_of_kmers(self, x: Tensor, k: int) -> Tensor:
        code, inside = kmer_codes(x, k, self.n_letters)
        n_rows = self.offsets[k] - self.offsets[k - 1]
        if n_rows < self.n_letters**k:
            # Multiplicative hashing, without a seed: rows are the same in every model.
            code = (code * _MULTIPLIER % 2**32) >> (32 - int(math.log2(_MAX_ROWS)))
        return (self.offsets[k - 1] + code).where(inside, 0)
