from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.couplings import pair

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import Measure

COUPLINGS = ("ot", "sinkhorn", "independent")


@torch.no_grad()
def partners(source: Measure, target: Measure, coupling: str) -> Tensor:
    """Position in ``target`` of the partner of each source cell, shape ``(S, M)``.

    Parameters
    ----------
    source, target
        Points whose Euclidean distance is the cost, shapes ``(S, M, ...)`` and ``(S, N, ...)``.
    coupling
        One of ``COUPLINGS``.
    """
    if coupling == "independent":
        return _resample(target.weights, source.x.shape[1])
    method = "exact" if coupling == "ot" else coupling
    x, y = source.x.flatten(2), target.x.flatten(2)
    return pair(x, y, weights_x=source.weights, weights_y=target.weights, method=method)


def _resample(weights: Tensor, n: int) -> Tensor:
    """``n`` cells of each set by their weights, shape ``(S, n)``: one from each of ``n`` equal parts of the mass."""
    shape = (len(weights), n)
    level = (torch.arange(n, device=weights.device) + torch.rand(shape, device=weights.device)) / n
    index = torch.searchsorted(weights.cumsum(-1), level.to(weights.dtype)).clamp_max(weights.shape[1] - 1)
    return index.gather(1, torch.rand(shape, device=weights.device).argsort(dim=1))
