"""Labels that a fit has learnt from: for these sets, no prediction or test of them means anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from scgde import _keys
from scgde.sets._own_columns import own_column

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of labels by name of set, in the config of a model.
CONFIG_ENTRY = "labels_seen"


def seen_labels(content: Mapping[str, Any], key: str) -> pd.Series | None:
    """Labels by name of set, named after their column; None where the model learnt from none."""
    config = _config(content)
    known = (config.get("fitted_on") or config.get("source") or {}).get("label_key")
    if config.get(CONFIG_ENTRY) is not None:
        return pd.Series(config[CONFIG_ENTRY], name=known, dtype=object)
    if known is None:
        return None
    # An earlier version did not say of which sets: of all that it may be.
    table, split = content[_keys.SETS], own_column(content, key, _keys.SPLIT)
    column = table[known] if known in table else pd.Series(None, table.index, dtype=object, name=known)
    return column if split is None else column[(split != _keys.SPLITS[-1]).to_numpy()]


def _config(content: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return dict(json.loads(str(content[_keys.MODEL][_keys.CONFIG])))
    except (KeyError, TypeError, ValueError):
        return {}  # whoever needs the model says what is wrong with it
