from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from scgde._registry import Registry


class Backbone(nn.Module, ABC):
    """The network inside a generator or a transport, chosen apart from its loss."""

    @abstractmethod
    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """One output vector per cell.

        Parameters
        ----------
        x
            Cells on their way, shape ``(S, M, G)``, and behind them what else is known of them, ``(S, M, G + B)``.
        time
            In [0, 1], shape ``(S, M, 1)``.
        context
            What the set is conditioned on, shape ``(S, C)``.

        Returns
        -------
        Shape ``(S, M, G)``.
        """


BACKBONES: Registry[Backbone] = Registry("backbone")
