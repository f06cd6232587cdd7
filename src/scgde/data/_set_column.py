"""Sets as a column of ``obs`` names them."""

from __future__ import annotations

import pandas as pd


def set_names(column: pd.Series) -> pd.Index:
    """Names of the sets in a column, in the order of its categories; unused ones left out."""
    return pd.Index(column.astype("category").cat.remove_unused_categories().cat.categories)


def set_codes(column: pd.Series) -> pd.Series:
    """Set of each cell as its position in :func:`set_names`, -1 for none."""
    return column.astype("category").cat.remove_unused_categories().cat.codes
