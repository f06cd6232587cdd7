"""What is printed of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._settings import logger
from scgde._summary import Summary
from scgde.model._serialization import StoredModel

if TYPE_CHECKING:
    import pandas as pd

    from scgde.data import CellSets
    from scgde.module import SetModule


class DescribedModel(Summary, StoredModel):
    """Model that prints what it holds."""

    _cell_sets: CellSets | None = None
    _model_summary_string: str
    #: Of the last training in this process.
    _seconds: float | None = None

    def _trained_in(self, seconds: float) -> None:
        """Keep that and how long it was trained, and log it."""
        self.is_trained_, self._seconds = True, seconds
        logger.info("Fit: %s on %s", _training_line(self.history, seconds), self.module.device.type)

    @property
    def _title(self) -> str:
        return self._model_summary_string

    def _lines(self) -> dict[str, str]:
        label = None if self.representation is None else self.representation.label
        return {
            "data": _sets_line(self._cell_sets),
            "features": _features_line(self.module, label),
            "embedding": _embedding_line(self.module),
            "training": _training_line(self.history, self._seconds),
            "size": _size_line(self.module),
        }


def _sets_line(cells: CellSets | None) -> str:
    """How many sets and cells a model holds."""
    if cells is None:
        return "none attached"
    return f"{cells.index.n_sets:,} sets of {len(cells.index.cells):,} cells"


def _features_line(module: SetModule, label: str | None) -> str:
    """What is read of a cell."""
    spec = module.spec
    shape = f"{spec.size:,} features" if len(spec.shape) == 1 else f"shape {spec.shape}"
    return f"{label or 'arrays'}, {spec.kind}, {shape}"


def _embedding_line(module: SetModule) -> str:
    """Dimensions of the embedding, and by what it is made."""
    n_moments = 0 if module.core is None else module.core.n_output
    moments = f", {n_moments} of them moments" if n_moments else ""
    return f"{module.n_embed} dimensions{moments}"


def _training_line(history: pd.DataFrame, seconds: float | None) -> str:
    """How long training took, and where it was best."""
    if history.empty:
        return "none yet"
    parts = [f"{history['step'].max():,} steps"]
    validation = history["validation_loss"].to_numpy(dtype=float)
    if np.isfinite(validation).any():
        best = np.nanargmin(validation)
        last = ", the last: more may be better" if np.isnan(validation[best + 1 :]).all() else ""
        parts.append(f"best validation loss {validation[best]:.4g} at step {history['step'].iloc[best]:,}{last}")
    else:
        parts.append("no validation sets")
    return ", ".join(parts + ([] if seconds is None else [f"{seconds:.0f} s"]))


def _size_line(module: SetModule) -> str:
    """Parameters, and where they are."""
    n_parameters = sum(parameter.numel() for parameter in module.parameters())
    return f"{n_parameters:,} parameters on {module.device}"
