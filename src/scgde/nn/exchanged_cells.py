"""Cells of other sets in the frame of a set: what a network cannot learn by heart where sets have few cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde.nn.cells import Measure
from scgde.nn.moments import Frame

if TYPE_CHECKING:
    from scgde.nn.linear_core import LinearCore


class CellExchange(nn.Module):
    """Replaces cells of sets by cells of other sets of a batch, moved from the frame of these into their own.

    As many as the differences between the training sets are sampling noise, and none where this noise is small beside
    what is none: sets of many cells keep their shape; of few cells most are exchanged, as they tell little of the shape
    of a set and would be learnt by heart.
    """

    mean: Tensor
    root: Tensor
    width: Tensor
    axes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.share = 0.0
        for name in Frame._fields:
            # Not stored: they serve training only.
            self.register_buffer(name, torch.zeros(0, 0), persistent=False)

    def fit(self, core: LinearCore, sets: Tensor, coordinates: Tensor) -> None:
        """Take frames of the training sets, and the share of noise.

        Parameters
        ----------
        core
            Fitted.
        sets
            Numbers of the training sets, shape ``(S,)``.
        coordinates
            Of these in ``core``, shape ``(S, K)``.
        """
        noise, variance = core.noise_between(coordinates)
        self.share = float(core.dominance_of_noise(noise, variance) * noise / variance) if noise > 0 else 0.0
        frame = core.frame(coordinates)
        self.axes = frame.axes
        for name, values in zip(Frame._fields[:3], frame[:3], strict=True):
            table = values.new_zeros(int(sets.max()) + 1, *values.shape[1:])
            table[sets] = values
            setattr(self, name, table)

    def forward(self, cells: Measure, sets: Tensor, chosen: Tensor) -> Measure:
        """Cells ``(S, M, G)`` of ``sets`` ``(S,)``, some of them exchanged in those that are ``chosen``, ``(S,)``.

        A cell takes its weight along, relative to that of the other cells of its set. Padding stays padding.
        """
        if self.share == 0:
            return cells
        n_sets, n_slots = cells.weights.shape
        is_cell = cells.weights > 0
        n_cells = is_cell.sum(dim=1, keepdim=True)
        others, at, chance = torch.rand(3, n_sets, n_slots, device=sets.device)
        other = (others * n_sets).long().clamp_max(n_sets - 1)
        slot = torch.minimum((at * n_cells[other, 0]).long(), n_cells[other, 0] - 1)
        is_exchanged = (chance < self.share) & is_cell & chosen[:, None]
        frame = self._frame(sets)
        inside = frame.inside(cells.x)
        moved = frame.outside(torch.where(is_exchanged[..., None], inside[other, slot], inside))
        relative = cells.weights * n_cells
        weights = torch.where(is_exchanged, relative[other, slot], relative)
        return Measure(torch.where(is_exchanged[..., None], moved, cells.x), weights / weights.sum(dim=1, keepdim=True))

    def _frame(self, sets: Tensor) -> Frame:
        return Frame(self.mean[sets], self.root[sets], self.width[sets], self.axes)
