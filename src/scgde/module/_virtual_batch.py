"""Batches of training of which some sets are virtual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from scgde.module._base import SetModule
    from scgde.nn.cells import SetBatch


def with_virtual_sets(
    module: SetModule, batch: SetBatch, *, max_share: float = 1.0, exchange: bool = False
) -> tuple[SetBatch, Tensor | None]:
    """A batch of which some sets are virtual, and which ones, shape ``(S,)``; None where none can be.

    Parameters
    ----------
    module
        What is trained.
    batch
        Sets of a step.
    max_share
        Of the sets that are virtual.
    exchange
        Whether these also hold cells of other sets, the more the fewer cells sets have.
    """
    share = 0.0 if module.virtual_sets is None else min(module.virtual_sets.share, max_share)
    if share == 0 or not module.models_what_is_read:
        return batch, None
    moves, observed = module.virtual_sets.draw(batch.sets, share=share), batch.encoder
    encoder = batch.encoder._replace(x=module.transform.target(batch.encoder.x))
    target = batch.target._replace(x=module.modelled(batch.target.x))
    if exchange:
        encoder, target = (module.exchange(view, batch.sets, moves.is_virtual) for view in (encoder, target))
    encoder, target = moves.apply(encoder), moves.apply(target)
    batch = batch._replace(encoder=encoder._replace(x=module.transform.restore(encoder.x)))
    if module.own_target_transform is None:
        return batch._replace(target=target._replace(x=module.transform.restore(target.x))), moves.is_virtual
    # These cells stay what they were: they are decoded from their own coordinates, and the moments of their set.
    core = module.core(module.core_input(observed.x), observed.weights)
    cells = batch.target._replace(weights=target.weights)
    return batch._replace(target=cells, ground=target.x, core=core), moves.is_virtual


def without_covariates(batch: SetBatch, names: Iterable[str], sets: Tensor) -> SetBatch:
    """A batch in which some covariates of ``sets``, bool of shape ``(S,)``, are missing."""
    missing = {name: _missing_where(sets, batch.covariates[name]) for name in names}
    return batch._replace(covariates=batch.covariates | missing)


def _missing_where(sets: Tensor, values: Tensor) -> Tensor:
    return torch.where(sets, torch.nan if values.is_floating_point() else -1, values)
