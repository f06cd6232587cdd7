"""The scvi-tools-style classes under ``scgde.tl``."""

from __future__ import annotations

from scgde.model._count_decoder import CountDecoder
from scgde.model._gde import GDE
from scgde.model._tde import TDE
from scgde.model._train_options import TrainOptions
from scgde.nn.stored_weights import StoredModelError

__all__ = ["GDE", "TDE", "CountDecoder", "StoredModelError", "TrainOptions"]
