from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from scgde._registry import Registry
from scgde.nn.cells import check_supported

if TYPE_CHECKING:
    from scgde.nn.cells import CellSpec


class Backbone(nn.Module, ABC):
    """The network inside a generator or a transport, chosen independently of its loss.

    A subclass is made as ``Backbone(spec, n_context, *, n_extra=0, ...)``, from the
    :class:`~scgde.nn.cells.CellSpec` of its output, the dimensions of the context, and the number of features that
    follow those of a cell in its input: vectors only have them.
    """

    #: Kinds of cells that it takes; checked when a generator or transport is built on it.
    supports: ClassVar[frozenset[str]] = frozenset({"continuous"})

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


def build_backbone(
    name: str, spec: CellSpec, n_context: int, options: dict[str, Any] | None = None, *, n_extra: int = 0
) -> Backbone:
    """Backbone of a name, for cells of a spec.

    Raises
    ------
    ValueError
        If there is no such backbone, or it does not take cells of this kind; the message lists those that do.
    TypeError
        If it has no such options.
    """
    check_supported(BACKBONES[name], spec, "backbone", BACKBONES)
    return BACKBONES.make(name, spec, n_context, options=options, n_extra=n_extra)
