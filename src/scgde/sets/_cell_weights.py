"""Weight of each cell in its set."""

from __future__ import annotations

import numpy as np
import pandas as pd


def read_cell_weights(obs: pd.DataFrame, weight_key: str | None, codes: np.ndarray) -> np.ndarray | None:
    """Weight of each cell, shape ``(n_obs,)``; None without a column.

    Parameters
    ----------
    obs
        One row per cell.
    weight_key
        Column of the weights.
    codes
        Set of each cell, -1 for none, shape ``(n_obs,)``. The weight of a cell in no set may be anything.

    Raises
    ------
    TypeError
        If the column does not hold numbers.
    ValueError
        If a cell in a set has a weight that is not positive and finite.
    """
    if weight_key is None:
        return None
    if not pd.api.types.is_numeric_dtype(obs[weight_key]):
        msg = f"`weight_key` must name a column of numbers, got {weight_key!r} of type {obs[weight_key].dtype}."
        raise TypeError(msg)
    weights = obs[weight_key].to_numpy(dtype=float, na_value=np.nan)
    inside = weights[codes >= 0]
    bad = ~(np.isfinite(inside) & (inside > 0))
    if bad.any():
        msg = (
            f"Weights in `weight_key` must be positive and finite for cells in sets, but {weight_key!r} has "
            f"{int(bad.sum())} others, such as {inside[bad][0]}. Leave these cells out with `mask`."
        )
        raise ValueError(msg)
    return weights
