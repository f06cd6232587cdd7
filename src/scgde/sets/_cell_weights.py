"""Weight of each cell in its set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._checks import check_columns

if TYPE_CHECKING:
    from scgde.sets._grouping import Grouping


def read_cell_weights(obs: pd.DataFrame, weight_key: str | None) -> np.ndarray | None:
    """Weight of each cell, shape ``(n_obs,)``; None without a column.

    Raises
    ------
    KeyError
        If there is no such column.
    TypeError
        If it does not hold numbers.
    """
    if weight_key is None:
        return None
    check_columns(obs, [weight_key], "weight_key")
    if not pd.api.types.is_numeric_dtype(obs[weight_key]):
        msg = f"`weight_key` must name a column of numbers, got {weight_key!r} of type {obs[weight_key].dtype}."
        raise TypeError(msg)
    return obs[weight_key].to_numpy(dtype=float, na_value=np.nan)


def check_cell_weights(weights: np.ndarray | None, grouping: Grouping, weight_key: str | None) -> None:
    """Require that cells in sets have weights that are positive and finite.

    Raises
    ------
    ValueError
        If not.
    """
    if weights is None:
        return
    inside = weights[grouping.codes >= 0]
    bad = ~(np.isfinite(inside) & (inside > 0))
    if bad.any():
        msg = (
            f"Weights in `weight_key` must be positive and finite for cells in sets, but {weight_key!r} has "
            f"{int(bad.sum())} others, such as {inside[bad][0]}. Leave these cells out with `mask`."
        )
        raise ValueError(msg)
