from __future__ import annotations

from typing import Any

from lightning import Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException


def make_trainer(**options: Any) -> Trainer:
    """A trainer of Lightning.

    Raises
    ------
    ValueError
        If this machine does not have what is asked for.
    """
    try:
        return Trainer(**options)
    except (MisconfigurationException, ImportError, ValueError) as error:
        asked = {name: options[name] for name in ("accelerator", "devices", "precision") if name in options}
        reason = str(error).partition("\n")[0]
        msg = f"`accelerator` and `devices` must be what this machine has, got {asked}: {reason}"
        raise ValueError(msg) from error
