"""What networks know of cells: their kind and shape, weighted sets of them, and helpers for cells of any shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from scgde._registry import Registry

#: Values of cells that a function of single cells is given at once.
_VALUES_AT_ONCE = 2**22


class CellSpec(NamedTuple):
    """All that networks know of a cell: its kind, shape and type.

    Parameters
    ----------
    kind
        ``"continuous"``, ``"counts"``, ``"tokens"`` or ``"images"``.
    shape
        Shape of one cell: ``(G,)`` for a vector, ``(L,)`` for a sequence, ``(C, Y, X)`` for an image.
    dtype
        Type of its values.
    n_values
        Size of the vocabulary of tokens; None for other kinds.
    n_first
        How many of these, the last ones, stand at the first position, and only there; 0 where any token may.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    n_values: int | None = None
    n_first: int = 0

    @classmethod
    def vectors(cls, n_features: int) -> Self:
        """Cells that are vectors of ``n_features`` real numbers."""
        return cls("continuous", (n_features,), torch.float32)

    @property
    def numpy_dtype(self) -> str:
        """Name of the type of its values in numpy."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def is_vector(self) -> bool:
        """Whether a cell is a vector of real numbers."""
        return self.kind == "continuous" and len(self.shape) == 1

    @property
    def size(self) -> int:
        """Number of values of a cell."""
        return torch.Size(self.shape).numel()


class Measure(NamedTuple):
    """Empirical measures: the points and weights of each set.

    Parameters
    ----------
    x
        Cells, shape ``(S, M, *shape)``.
    weights
        Non-negative, each row sums to 1, shape ``(S, M)``; 0 is padding.
    """

    x: Tensor
    weights: Tensor


class WidthClass(NamedTuple):
    """Sets of a batch whose cells are all in the first ``width`` slots.

    Parameters
    ----------
    width
        Slots that have to be embedded.
    sets
        Positions of these sets in the batch, shape ``(n,)``.
    """

    width: int
    sets: Tensor


class SetBatch(NamedTuple):
    """Sets of a training step, with what is known of them.

    Parameters
    ----------
    encoder
        Cells that are embedded, ``(S, M, *shape)`` with their weights.
    target
        Cells that are modelled, ``(S, N, *shape)`` with their weights: other cells of the same sets by default.
    sets
        Which set of the data each one is, shape ``(S,)``.
    step
        Number of the batch, from which its noise is seeded.
    covariates
        By name, codes ``(S,)`` or features ``(S, d)`` of the sets; -1 or NaN where missing.
    source, destination
        Of each pair, the positions of its two sets in the batch, shape ``(P,)``; None where there are no pairs.
    without_target
        Pairs whose target embedding the transport does not see, bool of shape ``(P,)``; None for none.
    widths
        The sets by how many slots of ``encoder`` they fill, each in one class; empty: they are embedded together.
    ground
        Ground coordinates of ``target``, shape ``(S, N, D)``, where these are modelled and not those of the cells.
    core
        Moments of the sets as observed, shape ``(S, K)``, where the cells of ``encoder`` are not.
    """

    encoder: Measure
    target: Measure
    sets: Tensor
    step: int
    covariates: dict[str, Tensor]
    source: Tensor | None = None
    destination: Tensor | None = None
    without_target: Tensor | None = None
    widths: tuple[WidthClass, ...] = ()
    ground: Tensor | None = None
    core: Tensor | None = None

    def sliced(self, start: int, end: int) -> Self:
        """The sets ``start`` to ``end`` of a batch of single sets that was not changed."""
        part = slice(start, end)
        encoder, target = (Measure(view.x[part], view.weights[part]) for view in (self.encoder, self.target))
        covariates = {name: values[part] for name, values in self.covariates.items()}
        inside = ((width, sets[(sets >= start) & (sets < end)] - start) for width, sets in self.widths)
        widths = tuple(WidthClass(width, sets) for width, sets in inside if len(sets))
        return type(self)(encoder, target, self.sets[part], self.step, covariates, widths=widths)


class Ends(NamedTuple):
    """What a transport is conditioned on: the context of the source and of the target sets, ``(S, C)`` each."""

    source: Tensor
    target: Tensor


def per_cell(x: Tensor) -> Tensor:
    """Mean over the values of each cell, ``(S, M, *shape)`` to ``(S, M)``."""
    return x.flatten(2).mean(-1)


def like_cells(values: Tensor, x: Tensor) -> Tensor:
    """One value per cell, ``(S, M)``, in a shape that broadcasts with cells ``x``, ``(S, M, *shape)``."""
    return values.reshape(*values.shape, *[1] * (x.ndim - 2))


def take_cells(x: Tensor, index: Tensor) -> Tensor:
    """Cells ``(S, M, *shape)`` at positions ``(S, N)`` of their sets, shape ``(S, N, *shape)``."""
    return x.gather(1, like_cells(index, x).expand(*index.shape, *x.shape[2:]))


def in_parts(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of single cells, from ``(S, M, *shape)`` to ``(S, M, D)``, on a few cells at a time.

    What it computes with on the way may be many times as large as the cells: images are bytes, and become real numbers.
    """
    n_cells = max(1, _VALUES_AT_ONCE // max(x[:, :1].numel(), 1))
    return torch.cat([function(part) for part in x.split(n_cells, dim=1)], dim=1)


def check_supported(cls: Any, spec: CellSpec, argument: str, registry: Registry[Any]) -> None:
    """Require that ``cls``, chosen by ``argument``, supports cells of the kind of ``spec``.

    Raises
    ------
    ValueError
        If not; the message lists the classes of ``registry`` that do.
    """
    if spec.kind not in cls.supports:
        others = [name for name in registry if spec.kind in registry[name].supports]
        msg = f"`{argument}` must support {spec.kind!r} cells, got {cls.__name__}, for {sorted(cls.supports)}. " + (
            f"Those that do: {others}." if others else "None does yet: register one that does."
        )
        raise ValueError(msg)


def check_vectors(spec: CellSpec, what: str) -> int:
    """Return the number of features of cells that ``what`` requires to be vectors.

    Raises
    ------
    ValueError
        If the cells have another shape.
    """
    if len(spec.shape) != 1:
        msg = f"{what} requires cells of shape (G,), got {spec.shape}. Choose another one for such cells."
        raise ValueError(msg)
    return spec.shape[0]
