from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from scgde._registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.cells import CellSpec


class Generator(nn.Module, ABC):
    """Conditional distribution over cells, given one context vector per set.

    A subclass is made as ``Generator(spec, n_context, *, ...)``, and passes both on. Where probabilities are
    known, it may have a method ``log_prob(x, context)`` from cells ``(S, M, *shape)`` to ``(S, M)``, in nats; with
    ``likelihood_is_bound = True`` where it gives a lower bound only.

    Parameters
    ----------
    spec
        Cells that are generated.
    n_context
        Dimensions of the context: the embedding, and covariates.
    """

    #: Kinds of cells that it generates; checked when a model is built.
    supports: ClassVar[frozenset[str]] = frozenset({"continuous"})
    #: Whether ``log_prob`` is a lower bound of the log probability.
    likelihood_is_bound: ClassVar[bool] = False

    def __init__(self, spec: CellSpec, n_context: int) -> None:
        super().__init__()
        self.spec, self.n_context = spec, n_context

    @abstractmethod
    def loss(self, target: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        """Training loss of each set.

        Parameters
        ----------
        target
            Cells, shape ``(S, M, *shape)``.
        weights
            Non-negative, each row sums to 1, shape ``(S, M)``.
        context
            What each set is conditioned on, shape ``(S, C)``.

        Returns
        -------
        One loss per set, shape ``(S,)``.
        """

    @abstractmethod
    def sample(self, context: Tensor, n_cells: int, *, rng: torch.Generator | None = None) -> Tensor:
        """Draw cells from the distribution that each context stands for.

        Parameters
        ----------
        context
            What each set is conditioned on, shape ``(S, C)``.
        n_cells
            Cells per set.
        rng
            Random state; torch's global one if absent.

        Returns
        -------
        Cells, shape ``(S, n_cells, *shape)``.
        """

    @classmethod
    def knows_likelihood(cls) -> bool:
        """Whether there is a method ``log_prob(x, context)`` from cells ``(S, M, *shape)`` to ``(S, M)``."""
        return hasattr(cls, "log_prob")

    def init_from(self, blocks: Iterable[Tensor]) -> None:
        """Start from the cells of the training sets, which come once, in blocks ``(n, *shape)``, before the first step.

        By default nothing depends on them.
        """

    def _noise(self, context: Tensor, n_cells: int, rng: torch.Generator | None) -> Tensor:
        # Drawn on the CPU: one seed gives the same cells on every device.
        shape = (len(context), n_cells, *self.spec.shape)
        return torch.randn(shape, generator=rng, dtype=context.dtype).to(context.device)

    def check_context(self, context: Tensor) -> None:
        """Require a context of shape ``(S, n_context)``; for the first line of :meth:`sample`.

        Raises
        ------
        ValueError
            If it has another shape.
        """
        if context.ndim != 2 or context.shape[1] != self.n_context:
            msg = f"`context` must have shape (sets, {self.n_context}), got {tuple(context.shape)}."
            raise ValueError(msg)


GENERATORS: Registry[Generator] = Registry("generator")
