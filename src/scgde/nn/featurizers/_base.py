from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from scgde._registry import Registry


class Featurizer(nn.Module, ABC):
    """Network that sees one cell at a time; the first part of an encoder, chosen apart from its pooling.

    Made as ``FEATURIZERS[name](n_input, n_output, n_layers=..., **choices)``.
    """

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Cells ``(S, M, G)`` to ``(S, M, n_output)``."""


FEATURIZERS: Registry[Featurizer] = Registry("featurizer")
