from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from scgde._registry import Registry


class Backbone(nn.Module, ABC):
    """The network inside a generator or a transport, chosen independently of its loss.

    A subclass is made as ``Backbone(spec, n_context, *, n_extra=0, ...)``, from the
    :class:`~scgde.nn.cells.CellSpec` of its output, the dimensions of the context, and the number of features that
    follow those of a cell in its input: vectors only have them.
    """

    @abstractmethod
    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        """One output per cell.

        Parameters
        ----------
        x
            Cells between noise and data, shape ``(S, M, *shape)``; vectors with ``n_extra`` more features,
            ``(S, M, G + n_extra)``.
        time
            In [0, 1], shape ``(S, M)``.
        context
            What the set is conditioned on, shape ``(S, C)``.

        Returns
        -------
        Shape ``(S, M, *shape)``.
        """


BACKBONES: Registry[Backbone] = Registry("backbone")
