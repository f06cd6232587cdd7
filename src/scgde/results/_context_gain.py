"""Whether a generator uses the embedding."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scgde.model._base_gde import BaseGDE


def warn_of_ignored_context(model: BaseGDE) -> None:
    """Warn where cells of validation sets are as likely under the mean embedding as under that of their set.

    Warns
    -----
    UserWarning
        If the gain is not above zero where the validation loss is lowest. Without validation sets, or a likelihood,
        nothing is known.
    """
    history = model.history
    if "context_gain" not in history or history["validation_loss"].isna().all():
        return
    best = int(np.nanargmin(history["validation_loss"]))
    gain = float(history["context_gain"].iloc[best])
    if not gain > 0:
        msg = (
            "The generator ignores the embedding: cells of validation sets are as likely under the mean "
            f"embedding as under that of their own set (`context_gain` in the history, {gain:.2g} nats a token). "
            "Train for more steps, or with a larger `set_size`, `n_latent` or `lr`; sets may also not differ."
        )
        warnings.warn(msg, stacklevel=4)
