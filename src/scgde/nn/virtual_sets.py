"""A wider distribution over sets than tens of them show: training sets, changed as sets differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import torch
from torch import Tensor, nn

from scgde.nn.cells import Measure
from scgde.nn.layers import weighted_mean
from scgde.nn.reliability import Reliability, halves, n_effective

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sets up to which all sets of a step may be virtual.
_N_SETS = 50
#: Isotropic shift, in standard deviations of the means of sets; largest log stretch.
_ISOTROPIC, _MAX_STRETCH = 0.3, 1.5
#: Standard deviation over cells of the logarithm of their tilted weights, about; its largest value.
_TILT, _MAX_SLOPE = 0.7, 3.0
#: Squared floor of widths, in the units of the cells.
_FLOOR = 0.01


class Moves(NamedTuple):
    """Shift, stretch and tilt of each set of a batch.

    Parameters
    ----------
    center
        Means of the sets, shape ``(S, G)``.
    shift, stretch
        What is added, and the factor of deviations from the mean, shape ``(S, G)``.
    tilt
        Slope of the logarithm of the weights of cells, shape ``(S, G)``.
    is_virtual
        Which sets are changed, shape ``(S,)``.
    """

    center: Tensor
    shift: Tensor
    stretch: Tensor
    tilt: Tensor
    is_virtual: Tensor

    def apply(self, cells: Measure) -> Measure:
        """Changed cells ``(S, M, G)`` and weights ``(S, M)``."""
        deviation = cells.x - self.center[:, None]
        x = (deviation * self.stretch[:, None]).add_(self.center[:, None]).add_(self.shift[:, None])
        slope = torch.einsum("smg,sg->sm", deviation, self.tilt).clamp(-_MAX_SLOPE, _MAX_SLOPE)
        weights = cells.weights * slope.exp()
        return Measure(x, weights / weights.sum(dim=1, keepdim=True))


class SetSummary(NamedTuple):
    """What has to be known of some training sets.

    Parameters
    ----------
    number
        Which sets, shape ``(S,)``.
    means, widths
        Means and log widths of their cells, and of both halves of these, shape ``(S, 3, G)``.
    spread
        Root of the summed variance, shape ``(S,)``.
    n_cells
        Effective numbers of cells, shape ``(S,)``.
    """

    number: Tensor
    means: Tensor
    widths: Tensor
    spread: Tensor
    n_cells: Tensor

    @classmethod
    def of(cls, number: Tensor, x: Tensor, weights: Tensor) -> Self:
        """Summary of sets with cells ``(S, M, G)`` and weights ``(S, M)``."""
        parts = [_mean_and_variance(x, part) for part in (weights, *halves(weights))]
        means, variances = (torch.stack(part, dim=1) for part in zip(*parts, strict=True))
        spread = (variances[:, 0].sum(dim=1) + _FLOOR).sqrt()
        return cls(number, means, 0.5 * (variances + _FLOOR).log(), spread, n_effective(weights))


class VirtualSets(nn.Module):
    """Shifts and stretches of sets, drawn as training sets differ from each other, and other compositions.

    A virtual set is ``m + (x - m) exp(a . dL) + b . dM + noise`` for a set with the mean ``m``; ``dL`` and ``dM`` are
    deviations of log widths and means of all K training sets, less sampling noise, ``a`` and ``b`` are normal with
    variance 1 / K. Its cells count ``exp(t . (x - m))`` times as much, for a random direction ``t``: cell states on one
    side are more common.
    Both views of a set are changed alike.
    """

    means: Tensor
    spreads: Tensor
    shifts: Tensor
    stretches: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("means", "spreads", "shifts", "stretches"):
            # Not stored: they serve training only.
            self.register_buffer(name, torch.zeros(0, 0), persistent=False)

    @property
    def share(self) -> float:
        """Share of the sets of a step that are virtual: the more, the fewer sets there are."""
        return share_of_virtual(len(self.shifts)) if len(self.means) else 0.0

    def fit(self, sets: Iterable[SetSummary]) -> None:
        """Learn how the training sets differ, from what is known of them in batches."""
        number, means, widths, spread, n_cells = (torch.cat(part) for part in zip(*sets, strict=True))
        self.means = means.new_zeros(int(number.max()) + 1, means.shape[2])
        self.spreads = means.new_ones(len(self.means))
        self.means[number], self.spreads[number] = means[:, 0], spread
        self.shifts, self.stretches = (_without_noise(part, n_cells) for part in (means, widths))

    def draw(self, sets: Tensor, *, share: float) -> Moves:
        """Moves of ``sets``, shape ``(S,)``, of which about ``share`` are virtual."""
        n_sets, n_known, device = len(sets), len(self.shifts), self.means.device
        is_virtual = torch.rand(n_sets, device=device) < share
        along = torch.randn(2, n_sets, n_known, device=device) / n_known**0.5
        noise, slope = torch.randn(2, n_sets, self.shifts.shape[1], device=device)
        shift = along[0] @ self.shifts + _ISOTROPIC * self.shifts.square().mean().sqrt() * noise
        stretch = (along[1] @ self.stretches).clamp(-_MAX_STRETCH, _MAX_STRETCH)
        moved = is_virtual[:, None].to(shift.dtype)
        tilt = _TILT * slope / self.spreads[sets, None]
        return Moves(self.means[sets], shift * moved, (stretch * moved).exp(), tilt * moved, is_virtual)


def share_of_virtual(n_sets: int) -> float:
    """Share of the sets of a step that are virtual, of so many training sets."""
    return min(1.0, _N_SETS / max(n_sets, 1))


def _mean_and_variance(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    mean = weighted_mean(x, weights)
    return mean, weighted_mean((x - mean[:, None]).square(), weights)


def _without_noise(measured: Tensor, n_cells: Tensor) -> Tensor:
    """Deviations of sets ``(S, G)`` that vary by what is no noise, from what is known of them and of halves."""
    whole, first, second = measured.unbind(dim=1)
    share = Reliability.of(whole, first, second, n_cells).share
    return (whole - whole.mean(dim=0)) * share.sqrt()
