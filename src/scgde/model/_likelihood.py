"""Probability of cells, where the generator knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde.nn import GENERATORS
from scgde.sets._covariates import encode_batch

if TYPE_CHECKING:
    from scgde.model._base_gde import BaseGDE

#: Values of cells whose likelihood is computed at once: it takes the memory of a step of training.
_MAX_VALUES = 2**17


@torch.no_grad()
def log_likelihood(model: BaseGDE, cells: np.ndarray, embedding: np.ndarray, *, batch: str | None = None) -> np.ndarray:
    """Log probability of cells under the distribution that an embedding stands for.

    Parameters
    ----------
    model
        Trained.
    cells
        Shape ``(n, *shape)``.
    embedding
        Shape ``(E,)``.
    batch
        Name of the batch that they were measured in. None: the mean over batches.

    Returns
    -------
    Nats, shape ``(n,)``.

    Raises
    ------
    ValueError
        If the generator does not know the probability of a cell.
    """
    check_likelihood(model)
    module, device = model.module, model.device
    z = torch.from_numpy(np.array(embedding, dtype=np.float32)).to(device)[None]
    covariates = {"batch": torch.from_numpy(encode_batch(batch, 1, model.batches)).to(device)}
    parts = torch.from_numpy(np.ascontiguousarray(cells)).split(max(1, _MAX_VALUES // module.target_spec.size))
    nats = [module.log_prob(part[None].to(device), z, covariates=covariates)[0].cpu() for part in parts]
    return torch.cat(nats).double().numpy()


def check_likelihood(model: BaseGDE) -> None:
    """Require a generator that knows the probability of a cell.

    Raises
    ------
    ValueError
        If it does not; the message lists those that do.
    """
    if not model.module.knows_likelihood:
        known = [name for name in GENERATORS if GENERATORS[name].knows_likelihood()]
        msg = (
            "A generator that knows the probability of a cell is required, got "
            f"{type(model.module.generator).__name__} for {model.module.target_spec.kind!r} cells. Those that do: "
            f"{known}."
        )
        raise ValueError(msg)
