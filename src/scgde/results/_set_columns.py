"""Predictions of columns with one value per set, written to the set table and ``obs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde import _keys
from scgde.sets import SetCovariate
from scgde.sets._set_table import write_set_columns

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from scgde._types import Config
    from scgde.model._base_gde import BaseGDE


def write_predictions(adata: AnnData, model: BaseGDE, key: str) -> None:
    """Write what a model with a label predicts of all sets."""
    name = (model.fitted_on or {})["label_key"]
    content = adata.uns[key]
    outputs = model.predict(content[_keys.EMBEDDING])
    write_outputs(adata, content, SetCovariate.of_classes(name, model.label_classes), outputs, key)


def write_outputs(adata: AnnData, content: Config, label: SetCovariate, outputs: np.ndarray, key: str) -> None:
    """Write outputs for a label, one row per set of ``content``, into its set table and into ``obs``.

    See :meth:`SetCovariate.decode` for the columns.
    """
    write_set_columns(adata, key, label.decode(outputs), set_column=_keys.set_column(key), content=content)
