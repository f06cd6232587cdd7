from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.kmers import kmer_codes, longest_kmer
from scgde.nn.transforms._base import TRANSFORMS, CellTransform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.nn.cells import CellSpec

#: Longest k-mers that are counted, and how many there may be of one length.
_MAX_K, _MAX_COUNT = 3, 1024


@TRANSFORMS.register("kmer_counts")
class KmerCounts(CellTransform):
    """Tokens as they are, with the counts of their k-mers as ground coordinates.

    Euclidean distance between such counts is small for sequences that share most of their words, wherever these stand:
    an insertion changes a few counts, where positions would all differ.

    Parameters
    ----------
    spec
        Tokens, of which 0 ends a sequence.

    References
    ----------
    :cite:t:`Leslie02`.
    """

    supports = frozenset({"tokens"})
    describes_by_means = True

    def __init__(self, spec: CellSpec) -> None:
        super().__init__(spec)
        self.n_letters = (spec.n_values or 1) - 1 - spec.n_first
        self.max_k = counted_lengths(self.n_letters)

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Nothing to learn."""

    def encoder_input(self, x: Tensor) -> Tensor:
        return x.long()

    def target(self, x: Tensor) -> Tensor:
        return x.long()

    def restore(self, x: Tensor) -> Tensor:
        return x.to(self.spec.dtype)

    @property
    def ground_scale(self) -> float:
        return 1.0

    def ground(self, x: Tensor) -> Tensor:
        x = x.long()
        counts = [self._counts(x, k) for k in range(1, self.max_k + 1)]
        if self.spec.n_first:
            tokens = torch.arange(1 + self.n_letters, self.spec.n_values or 0, device=x.device)
            counts.append((x[..., :1] == tokens).float())
        return torch.cat(counts, dim=-1)

    def _counts(self, x: Tensor, k: int) -> Tensor:
        code, inside = kmer_codes(x, k, self.n_letters)
        n_kmers = self.n_letters**k
        # What is no k-mer is counted in a last column, which is dropped.
        code = code.where(inside, n_kmers)
        counts = torch.zeros(*x.shape[:-1], n_kmers + 1, device=x.device)
        return counts.scatter_add_(-1, code, torch.ones_like(code, dtype=counts.dtype))[..., :-1]


def counted_lengths(n_letters: int) -> int:
    """Longest k-mers that are ground coordinates."""
    return longest_kmer(n_letters, at_most=_MAX_K, max_count=_MAX_COUNT)
