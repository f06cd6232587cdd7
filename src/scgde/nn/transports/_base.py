from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from scgde._registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.nn.cells import CellSpec, Ends, Measure


class Transport(nn.Module, ABC):
    """Map of source cells, conditioned on the contexts of the source and of the target set.

    A subclass is made as ``Transport(spec, n_context, *, ...)``, and passes both on.

    Parameters
    ----------
    spec
        Cells that are transported.
    n_context
        Dimensions of the context of each end: its embedding, and covariates.
    """

    #: Kinds of cells that it transports; checked when a model is built.
    supports: ClassVar[frozenset[str]] = frozenset({"continuous"})

    def __init__(self, spec: CellSpec, n_context: int) -> None:
        super().__init__()
        self.spec, self.n_context = spec, n_context

    @abstractmethod
    def loss(self, source: Measure, target: Measure, context: Ends) -> Tensor:
        """Training loss of each pair of sets.

        Parameters
        ----------
        source, target
            Cells, shapes ``(S, M, *shape)`` and ``(S, N, *shape)``, and their weights.
        context
            Of both ends, shape ``(S, C)`` each.

        Returns
        -------
        One loss per pair, shape ``(S,)``.
        """

    @abstractmethod
    def push(
        self,
        source: Tensor,
        context: Ends,
        *,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Transport source cells.

        Parameters
        ----------
        source
            Cells, shape ``(S, M, *shape)``.
        context
            Of both ends, shape ``(S, C)`` each.
        times
            Where on its path each cell is seen: in [0, 1] and not decreasing, 0 the source, 1 the target.
        rng
            Random state of a transport that draws; torch's global one if absent.

        Returns
        -------
        Cells, shape ``(T, S, M, *shape)``, in the order of ``source``.

        Raises
        ------
        ValueError
            If ``times`` are none of these, or a context has other dimensions.
        """

    def _check_push(self, source: Tensor, context: Ends, times: Sequence[float]) -> None:
        expected = (len(source), self.n_context)
        for name, values in context._asdict().items():
            if values.shape != expected:
                msg = f"`context.{name}` must have shape {expected}, got {tuple(values.shape)}."
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
