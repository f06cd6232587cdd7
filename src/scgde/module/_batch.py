"""Batches as data loaders make them today, as :class:`~scgde.nn.cells.SetBatch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from scgde.nn.cells import Measure, SetBatch

if TYPE_CHECKING:
    from torch import Tensor

_VIEWS = ("encoder", "encoder_weights", "generator", "generator_weights")
_OTHERS = ("sets", "step", "source", "target")


def as_set_batch(batch: SetBatch | dict[str, Tensor]) -> SetBatch:
    """``batch``, with all entries of a dict that have no name of their own as covariates."""
    if isinstance(batch, SetBatch):
        return batch
    encoder, encoder_weights, target, target_weights = (batch[name] for name in _VIEWS)
    return SetBatch(
        Measure(encoder, encoder_weights),
        Measure(target, target_weights),
        batch.get("sets", torch.arange(len(encoder), device=encoder.device)),
        batch.get("step", torch.zeros((), dtype=torch.int64)),
        {name: values for name, values in batch.items() if name not in (*_VIEWS, *_OTHERS)},
        batch.get("source"),
        batch.get("target"),
    )
