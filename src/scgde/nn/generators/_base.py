from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from scgde._registry import Registry


class Generator(nn.Module, ABC):
    """Conditional distribution over cells, given one embedding per set."""

    n_features: int
    n_embed: int

    @abstractmethod
    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        """Training loss of each set.

        Parameters
        ----------
        x
            Cells, shape ``(S, M, G)``.
        weights
            Non-negative, each row sums to 1, shape ``(S, M)``.
        embedding
            One embedding per set, shape ``(S, E)``.

        Returns
        -------
        One loss per set, shape ``(S,)``.
        """

    @abstractmethod
    def sample(self, embedding: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        """Draw cells from the distribution that each embedding stands for.

        Parameters
        ----------
        embedding
            One embedding per set, shape ``(S, E)``.
        n_cells
            Cells per set.
        rng
            Random state; torch's global one if absent.

        Returns
        -------
        Cells, shape ``(S, n_cells, G)``.
        """

    def _noise(self, embedding: Tensor, n_cells: int, rng: torch.Generator | None) -> Tensor:
        # Drawn on the CPU: one seed gives the same cells on every device.
        shape = (len(embedding), n_cells, self.n_features)
        return torch.randn(shape, generator=rng, dtype=embedding.dtype).to(embedding.device)

    def _check_embedding(self, embedding: Tensor) -> None:
        if embedding.ndim != 2 or embedding.shape[1] != self.n_embed:
            msg = f"`embedding` must have shape (sets, {self.n_embed}), got {tuple(embedding.shape)}."
            raise ValueError(msg)


GENERATORS: Registry[Generator] = Registry("generator")
