"""Steps on cells of thousands of values, a few sets at a time: what lies between cells and losses is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from scgde.nn.cells import SetBatch

    #: Covariates, embeddings and losses of sets, each by name.
    OfSets = tuple[dict[str, Tensor], ...]

#: Values of the cells of a step up to which it is taken at once, 128 MB: networks hold about ten times as much. Beyond,
#: values of a part.
_MAX_AT_ONCE, _MAX_IN_PART = 2**25, 2**22


def parts_of(batch: SetBatch) -> list[SetBatch]:
    """Consecutive sets of a batch of single sets, in parts that a CPU takes at once; a GPU takes all."""
    n_values = batch.encoder.x.numel() + batch.target.x.numel()
    if batch.encoder.x.device.type != "cpu" or n_values <= _MAX_AT_ONCE:
        return [batch]
    n_sets = max(1, len(batch.sets) * _MAX_IN_PART // n_values)
    return [batch.sliced(start, start + n_sets) for start in range(0, len(batch.sets), n_sets)]


def part_by_part(function: Callable[[SetBatch], OfSets], parts: list[SetBatch]) -> OfSets:
    """What ``function`` gives for the sets of all parts; within each it is computed anew for the gradient."""
    found = [checkpoint(function, part, use_reentrant=False) for part in parts]
    return tuple(_joined(list(of_parts)) for of_parts in zip(*found, strict=True))


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
