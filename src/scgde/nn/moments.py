"""Moments of sets that L2 compares as Wasserstein-2 does, and the maps between cells that they stand for."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from scgde.nn.constants import identity, upper_pairs
from scgde.nn.layers import weighted_mean
from scgde.nn.precision import full_precision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Features up to which the covariance is known in full: it then has about as many entries as 50 features have widths.
_MAX_FEATURES_OF_ROOT = 12
#: Axes along which mean and widths are taken.
_MAX_AXES = 50
#: Cells from which the axes of many features are taken, and values of these.
_MAX_CELLS, _MAX_VALUES = 20_000, 2**24
#: Cells that are held in double precision at a time.
_N_AT_ONCE = 1000
#: Features up to which their covariance is formed.
_MAX_COVARIANCE = 2000
#: Widths in units of the pooled cells: narrower sets look alike, down to single cells.
_FLOOR = 0.1
#: Share of a log width that counts: between sets it stands for the difference of two widths of about a half.
_WIDTH = 0.5


class Frame(NamedTuple):
    """Place and shape of sets: the affine maps between their cells and standardised ones.

    Parameters
    ----------
    mean
        Along the axes, shape ``(S, D)``.
    root
        Symmetric root of the covariance of the first ``q`` axes, all or none, shape ``(S, q, q)``.
    width
        Along the other axes, shape ``(S, D - q)``.
    axes
        Orthonormal columns, shape ``(G, D)``. What is orthogonal to them stays as it is.
    """

    mean: Tensor
    root: Tensor
    width: Tensor
    axes: Tensor

    @property
    def center(self) -> Tensor:
        """Mean of each set, shape ``(S, G)``: 0 along what is orthogonal to the axes."""
        return self.mean @ self.axes.T

    def towards(self, other: Frame, time: float) -> Frame:
        """Frame between this one, at time 0, and ``other``, at 1: of optimal transport where covariances commute."""
        mean, root, width = (torch.lerp(a, b, time) for a, b in zip(self[:3], other[:3], strict=True))
        return Frame(mean, root, width, self.axes)

    @full_precision
    def inside(self, x: Tensor) -> Tensor:
        """Standardised cells of cells ``(S, M, G)``."""
        along, q = x @ self.axes, self.root.shape[-1]
        centred = along - self.mean[:, None]
        head = torch.linalg.solve(self.root, centred[..., :q].mT).mT
        return x + (torch.cat([head, centred[..., q:] / self.width[:, None]], dim=-1) - along) @ self.axes.T

    @full_precision
    def outside(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`inside`."""
        along, q = x @ self.axes, self.root.shape[-1]
        scaled = torch.cat([along[..., :q] @ self.root, along[..., q:] * self.width[:, None]], dim=-1)
        return x + (scaled + self.mean[:, None] - along) @ self.axes.T


class Moments(nn.Module):
    """Mean of a set and the root of its covariance; of more than 12 features, mean and log widths.

    Off-diagonals of the root count with the square root of 2. Then L2 is the Wasserstein-2 distance of Gaussians whose
    covariances commute. All is in units of the pooled cells; above 50 features along their leading principal axes.

    Parameters
    ----------
    n_features
        Of a cell.
    """

    axes: Tensor
    origin: Tensor
    unit: Tensor
    upper: Tensor
    factor: Tensor

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.n_axes = min(n_features, _MAX_AXES)
        self.n_root = n_features if n_features <= _MAX_FEATURES_OF_ROOT else 0
        upper = upper_pairs(self.n_root)
        self.n_output = 2 * self.n_axes - self.n_root + upper.shape[1]
        self.register_buffer("axes", identity(n_features, self.n_axes))
        self.register_buffer("origin", torch.zeros(n_features))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("upper", upper, persistent=False)
        self.register_buffer("factor", torch.where(upper[0] == upper[1], 1.0, 2**0.5), persistent=False)

    @property
    def prior(self) -> Tensor:
        """By how much sets may be expected to differ in each moment, relative to their means, shape ``(K,)``."""
        n_root, n_width = len(self.factor), self.n_axes - self.n_root
        parts = (1.0, self.n_axes), (0.5, n_root), (0.7 * _WIDTH, n_width)
        return torch.cat([self.unit.new_full((n,), value) for value, n in parts])

    def fit(self, blocks: Iterable[Tensor]) -> None:
        """Take origin, unit and axes from cells of the training sets, in blocks ``(n, G)``."""
        cells = _thinned(blocks)
        origin = _sum(part.double().sum(0) for part in cells.split(_N_AT_ONCE)) / len(cells)
        unit = (_sum(part.square().sum() for part in _centred(cells, origin)) / cells.numel()).sqrt()
        self.origin.copy_(origin)
        self.unit.copy_(unit if unit > 0 else torch.ones(()))
        if cells.shape[1] > self.n_axes:
            self.axes.copy_(signed(_leading_axes(cells, origin, self.n_axes)).T)

    @full_precision
    def lift(self, x: Tensor) -> Tensor:
        """What has to be averaged over the cells ``(S, M, G)`` of a set, shape ``(S, M, H)``."""
        along = (x - self.origin) @ self.axes / self.unit
        products = along[..., self.upper[0]] * along[..., self.upper[1]]
        return torch.cat([along, products, along[..., self.n_root :].square()], dim=-1)

    @full_precision
    def readout(self, mean: Tensor) -> Tensor:
        """Moments ``(S, K)`` of the averages ``(S, H)``."""
        (i, j), q = self.upper, self.n_root
        center, products, squares = mean.split([self.n_axes, len(i), self.n_axes - q], dim=-1)
        covariance = self._symmetric(products - center[:, i] * center[:, j], 1.0)
        root = matrix_root(covariance + _FLOOR**2 * torch.eye(q, dtype=mean.dtype, device=mean.device))
        variance = (squares - center[:, q:].square()).clamp_min(0) + _FLOOR**2
        return torch.cat([center, root[:, i, j] * self.factor, _WIDTH * 0.5 * variance.log()], dim=-1)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Moments of cells ``(S, M, G)`` with weights ``(S, M)``, shape ``(S, K)``."""
        return self.readout(weighted_mean(self.lift(x), weights))

    @full_precision
    def frame(self, moments: Tensor) -> Frame:
        """Frame of moments ``(S, K)`` that need not be those of any set."""
        center, root, width = moments.split([self.n_axes, len(self.factor), self.n_axes - self.n_root], dim=-1)
        matrix = self._symmetric(root, self.factor)
        # Bounds, where a map of embeddings leaves what widths can be.
        root = _positive(matrix, 0.5 * _FLOOR)
        width = (4 * (width / _WIDTH / 4).tanh()).exp()
        mean = center * self.unit + self.origin @ self.axes
        return Frame(mean, root * self.unit, width * self.unit, self.axes)

    def _symmetric(self, upper: Tensor, factor: Any) -> Tensor:
        matrix = upper.new_zeros(len(upper), self.n_root, self.n_root)
        matrix[:, self.upper[0], self.upper[1]] = upper / factor
        return matrix + matrix.triu(1).mT


def _leading_axes(cells: Tensor, origin: Tensor, n_axes: int) -> Tensor:
    """Principal axes of cells ``(n, G)`` as rows, shape ``(n_axes, G)``; zero beyond the rank of few cells."""
    if cells.shape[1] <= _MAX_COVARIANCE:
        covariance = _sum(part.T @ part for part in _centred(cells, origin)) / len(cells)
        return torch.linalg.svd(covariance)[2][:n_axes]
    # A matrix of genes by genes would not fit: fewer cells than genes settle the leading axes.
    some = cells[:: -(-len(cells) // _MAX_COVARIANCE)] - origin
    rows = torch.linalg.svd(some, full_matrices=False)[2][:n_axes]
    return torch.cat([rows, rows.new_zeros(n_axes - len(rows), rows.shape[1])])


def _sum(parts: Iterable[Tensor]) -> Tensor:
    return functools.reduce(operator.add, parts)


def _centred(cells: Tensor, origin: Tensor) -> Iterator[Tensor]:
    """Cells ``(n, G)`` relative to the origin, float64, a few at a time."""
    return (part - origin for part in cells.split(_N_AT_ONCE))


def _thinned(blocks: Iterable[Tensor]) -> Tensor:
    """Evenly spaced cells, between the most that are kept and twice as many where there are more.

    No block may be larger than the first.
    """
    step, n, kept = 1, 0, torch.zeros(0)
    for block in blocks:
        max_cells = min(_MAX_CELLS, _MAX_VALUES // block.shape[1])
        taken = block[::step].cpu()
        # One array for all blocks: what is never written to takes no memory.
        kept = kept if len(kept) else taken.new_empty(2 * max_cells + len(block), block.shape[1])
        kept[n : n + len(taken)] = taken
        n += len(taken)
        while n > 2 * max_cells:
            step, n = 2 * step, -(-n // 2)
            kept[:n] = kept[: 2 * n : 2].clone()
    return kept[:n]


class _Root(torch.autograd.Function):
    """Its derivative solves R dR + dR R = dC, which is finite where eigenvalues tie; that of ``eigh`` is not."""

    @staticmethod
    @full_precision
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(matrix)
        roots = values.clamp_min(1e-12).sqrt()
        ctx.save_for_backward(roots, vectors)
        return (vectors * roots[..., None, :]) @ vectors.mT

    @staticmethod
    @full_precision
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        inner = vectors.mT @ (0.5 * (grads[0] + grads[0].mT)) @ vectors
        return vectors @ (inner / (roots[..., :, None] + roots[..., None, :])) @ vectors.mT


def matrix_root(matrix: Tensor) -> Tensor:
    """Symmetric roots of positive semi-definite matrices ``(..., q, q)``, differentiable also where eigenvalues tie."""
    return _Root.apply(matrix)


def _positive(matrix: Tensor, floor: float) -> Tensor:
    """Smooth maximum of symmetric matrices and 0: ``(x + sqrt(x^2 + 4 floor^2)) / 2`` of their eigenvalues."""
    eye = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    return 0.5 * (matrix + matrix_root(matrix @ matrix + 4 * floor**2 * eye))


def signed(rows: Tensor) -> Tensor:
    """Directions whose largest coordinate is positive: the sign of a singular vector depends on the machine."""
    largest = rows.abs().argmax(dim=1, keepdim=True)
    return rows * rows.gather(1, largest).sign()
