from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde._registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence


class Transport(nn.Module, ABC):
    """Map of source cells, conditioned on the embeddings of the source and of the target set."""

    n_features: int
    n_embed: int

    @abstractmethod
    def loss(
        self,
        source: Tensor,
        target: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        source_weights: Tensor,
        target_weights: Tensor,
    ) -> Tensor:
        """Training loss of each pair of sets.

        Parameters
        ----------
        source, target
            Cells, shapes ``(S, M, G)`` and ``(S, N, G)``.
        source_embedding, target_embedding
            Shape ``(S, E)`` each.
        source_weights, target_weights
            Non-negative, each row sums to 1, shapes ``(S, M)`` and ``(S, N)``.

        Returns
        -------
        One loss per pair, shape ``(S,)``.
        """

    @abstractmethod
    def push(
        self,
        source: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Move source cells.

        Parameters
        ----------
        source
            Cells, shape ``(S, M, G)``.
        source_embedding, target_embedding
            Shape ``(S, E)`` each.
        times
            Where on its way each cell is seen: in [0, 1] and not decreasing, 0 the source, 1 the target.
        rng
            Random state of a transport that draws; torch's global one if absent.

        Returns
        -------
        Cells, shape ``(T, S, M, G)``, in the order of ``source``.

        Raises
        ------
        ValueError
            If ``times`` are none of these, or an embedding has other dimensions.
        """

    def _check_push(
        self, source: Tensor, source_embedding: Tensor, target_embedding: Tensor, times: Sequence[float]
    ) -> None:
        for name, embedding in (("source_embedding", source_embedding), ("target_embedding", target_embedding)):
            if embedding.shape != (len(source), self.n_embed):
                msg = f"`{name}` must have shape ({len(source)}, {self.n_embed}), got {tuple(embedding.shape)}."
                raise ValueError(msg)
        check_times(times)


def check_times(times: Sequence[float]) -> list[float]:
    """Return ``times`` as floats in [0, 1] that do not decrease."""
    values = [float(time) for time in times]
    if not values or not all(0 <= time <= 1 for time in values) or values != sorted(values):
        msg = f"`times` must be numbers in [0, 1] that do not decrease, got {times!r}."
        raise ValueError(msg)
    return values


TRANSPORTS: Registry[Transport] = Registry("transport")
