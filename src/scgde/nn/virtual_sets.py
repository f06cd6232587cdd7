"""A wider distribution over sets than tens of them show: training sets, shifted and stretched as sets differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from scgde.nn.layers import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sets up to which all sets of a step may be virtual.
_N_SETS = 50
#: Isotropic shift, in standard deviations of the means of sets; largest log stretch.
_ISOTROPIC, _MAX_STRETCH = 0.3, 1.5
#: Squared floor of widths, in the units of the cells.
_FLOOR = 0.01


class Moves(NamedTuple):
    """Shift and stretch of each set of a batch.

    Parameters
    ----------
    center
        Means of the sets, shape ``(S, G)``.
    shift, stretch
        What is added, and the factor of deviations from the mean, shape ``(S, G)``.
    is_virtual
        Which sets are changed, shape ``(S,)``.
    """

    center: Tensor
    shift: Tensor
    stretch: Tensor
    is_virtual: Tensor

    def apply(self, x: Tensor) -> Tensor:
        """Moved cells of cells ``(S, M, G)``."""
        center = self.center[:, None]
        return center + (x - center) * self.stretch[:, None] + self.shift[:, None]


class VirtualSets(nn.Module):
    """Shifts and stretches of sets, drawn as training sets differ from each other in means and log widths.

    A virtual set is ``m + (x - m) exp(a . dL) + b . dM + noise`` for a set with the mean ``m``; ``dL`` and ``dM`` are
    deviations of log widths and means of all training sets, ``a`` and ``b`` are normal with variance 1 / K. Both views
    of a set are moved alike. No covariance of features is formed.
    """

    means: Tensor
    shifts: Tensor
    stretches: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("means", "shifts", "stretches"):
            # Not stored: they serve training only.
            self.register_buffer(name, torch.zeros(0, 0), persistent=False)

    @property
    def share(self) -> float:
        """Share of the sets of a step that are virtual: the more, the fewer sets there are."""
        return min(1.0, _N_SETS / max(len(self.shifts), 1)) if len(self.means) else 0.0

    def fit(self, n_sets: int, sets: Iterable[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Learn how the training sets differ.

        Parameters
        ----------
        n_sets
            All sets there are.
        sets
            Which of them, shape ``(S,)``, with cells ``(S, M, G)`` and weights ``(S, M)``.
        """
        rows, means, widths = [], [], []
        for number, x, weights in sets:
            mean = weighted_mean(x, weights)
            variance = weighted_mean((x - mean[:, None]).square(), weights)
            rows.append(number)
            means.append(mean)
            widths.append(0.5 * (variance + _FLOOR).log())
        found, wide = torch.cat(means), torch.cat(widths)
        self.means = found.new_zeros(n_sets, found.shape[1])
        self.means[torch.cat(rows)] = found
        self.shifts, self.stretches = found - found.mean(0), wide - wide.mean(0)

    def draw(self, sets: Tensor, *, share: float) -> Moves:
        """Moves of ``sets``, shape ``(S,)``, of which about ``share`` are virtual."""
        n_sets, n_known, device = len(sets), len(self.shifts), self.means.device
        # Drawn on the CPU: one seed gives the same sets on every device.
        is_virtual = (torch.rand(n_sets) < share).to(device)
        along = (torch.randn(2, n_sets, n_known) / n_known**0.5).to(device)
        noise = torch.randn(n_sets, self.shifts.shape[1]).to(device)
        shift = along[0] @ self.shifts + _ISOTROPIC * self.shifts.square().mean().sqrt() * noise
        stretch = (along[1] @ self.stretches).clamp(-_MAX_STRETCH, _MAX_STRETCH)
        moved = is_virtual[:, None].to(shift.dtype)
        return Moves(self.means[sets], shift * moved, (stretch * moved).exp(), is_virtual)
