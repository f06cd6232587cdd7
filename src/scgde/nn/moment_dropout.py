"""Training without the moments of some sets."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MomentDropout(nn.Module):
    """Embeddings of which some hold no moments, in training: what is learnt of a set then describes all of it.

    A set without moments is in the frame of the average set. Evaluation leaves embeddings as they are.

    Parameters
    ----------
    n_core
        How many of the dimensions of an embedding are moments; the first ones.
    share
        Of the sets whose moments are dropped, 0 to 1.
    """

    def __init__(self, n_core: int, share: float) -> None:
        super().__init__()
        self.n_core, self.share = n_core, share

    def forward(self, embedding: Tensor) -> Tensor:
        """Embeddings ``(S, E)``."""
        if not self.training or self.n_core * self.share == 0:
            return embedding
        is_kept = torch.rand(len(embedding), 1, device=embedding.device) >= self.share
        return torch.cat([embedding[:, : self.n_core] * is_kept, embedding[:, self.n_core :]], dim=-1)
