from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.spatial import cKDTree

from scgde import _keys
from scgde._checks import check_count, check_fraction, check_positive
from scgde._hints import checked_keywords
from scgde.sets._columns import natural_codes
from scgde.sets._entries import read_entries, set_column_of
from scgde.sets._own_columns import check_free
from scgde.sets._set_table import write_set_columns

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def set_weights(
    adata: AnnData,
    label_key: str | None = None,
    *,
    key: str | None = None,
    n_bins: int = 10,
    n_neighbors: int = 10,
    tempering: float = 1.0,
    clip: float = 10.0,
    key_added: str = _keys.WEIGHT,
) -> None:
    """Weight sets against their density, so that a fit sees rare kinds of sets as often as common ones.

    A fit spreads the sets that it meets often over more of the latent space than those that it meets rarely. Pass the
    weights to ``scgde.tl.fit_gde(set_weights=...)`` to undo this.

    Parameters
    ----------
    adata
        Cells with sets. A view becomes an AnnData of its own.
    label_key
        Column of the set table. Weights are inverse to the frequency of its categories, or, of numbers, of bins of
        equal width. Missing values are a category. None: inverse to the density of the embeddings of an earlier fit.
    key
        Of the sets in ``adata.uns``. By default ``"set"``, see :func:`scgde.pp.make_sets`, where ``label_key`` is
        given, else ``"gde"``, see :func:`scgde.tl.fit_gde`.
    n_bins
        Bins of numbers.
    n_neighbors
        The density at a set is taken from the distance to so manieth a neighbour, and from the dimension that the
        embeddings are estimated to fill.
    tempering
        Power of the weights: 0 for equal ones, 1 to make all values, or all regions of the latent space, equally
        likely.
    clip
        Largest ratio of a weight to the mean, and of the mean to a weight. No set is drawn so often that its few
        cells are learnt by heart.
    key_added
        Where the weights are written.

    Returns
    -------
    None. Writes ``adata.obs[key_added]``, missing for cells in no set, and the same column in
    ``adata.uns[key]["sets"]``, with mean 1 over the sets.

    Raises
    ------
    KeyError
        If there are no sets, or the set table lacks the column.
    ValueError
        If an option is out of its range, or ``key_added`` names a column that scgde did not write.

    References
    ----------
    :cite:t:`Levina04` for the dimension.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cohort(20, seed=0)
    >>> scgde.pp.make_sets(adata, "donor")
    >>> scgde.pp.set_weights(adata, "severity", key="set")
    >>> round(float(adata.uns["set"]["sets"]["weight"].mean()), 6)
    1.0
    """
    key = key or ("gde" if label_key is None else "set")
    entry, made_by = (
        (_keys.EMBEDDING, "scgde.tl.fit_gde") if label_key is None else (_keys.PARAMS, "scgde.pp.make_sets")
    )
    content = read_entries(adata, key, entry=entry, made_by=made_by)
    n_bins, n_neighbors = check_count(n_bins, "n_bins"), check_count(n_neighbors, "n_neighbors", minimum=2)
    power, limit = check_fraction(tempering, "tempering"), check_positive(clip, "clip")
    if limit < 1:
        msg = f"`clip` must be at least 1, the weight of every set then, got {clip}."
        raise ValueError(msg)
    check_free(adata, key, [key_added], "key_added")
    if label_key is None:
        log_density = _embedding_log_density(np.asarray(content[_keys.EMBEDDING], dtype=float), n_neighbors)
    else:
        log_density = _covariate_log_density(_column(content[_keys.SETS], label_key), n_bins)
    weights = _clipped(-power * log_density, limit)

    set_column = set_column_of(content, key)
    write_set_columns(adata, key, {key_added: weights}, set_column=set_column, content=content)


def _column(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        msg = f"`label_key` must name a column of the set table, got {column!r}. Columns: {list(table)}."
        raise KeyError(msg)
    return table[column]


def _covariate_log_density(column: pd.Series, n_bins: int) -> np.ndarray:
    """Log frequency of the category or bin that each set is in, shape ``(S,)``."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        known = np.isfinite(values)
        codes = np.full(len(values), -1)
        if known.any():
            edges = np.linspace(values[known].min(), values[known].max(), n_bins + 1)
            codes[known] = np.searchsorted(edges[1:-1], values[known], side="right")
    else:
        codes = natural_codes(column)
    return np.log(np.bincount(codes + 1)[codes + 1])


def _embedding_log_density(embedding: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Log density at each embedding ``(S, E)``, up to a constant."""
    if len(embedding) < 2:
        return np.zeros(len(embedding))
    k = min(n_neighbors, len(embedding) - 1)
    distances = cKDTree(embedding).query(embedding, k=k + 1)[0][:, 1:]
    # Copies of one set have distance 0, and no density.
    logs = np.log(np.maximum(distances, 1e-6 * np.median(distances[:, -1]) + 1e-30))
    return -_dimension(logs, embedding.shape[1]) * logs[:, -1]


def _dimension(log_distances: np.ndarray, largest: int) -> float:
    """Dimension that the embeddings fill, by the growth of the distances ``(S, k)`` to nearest neighbours."""
    growth = (log_distances[:, -1:] - log_distances[:, :-1]).mean() if log_distances.shape[1] > 1 else 0.0
    return float(np.clip(1 / growth, 1, largest)) if growth > 0 else 1.0


def _clipped(log_weights: np.ndarray, limit: float) -> np.ndarray:
    """Weights of mean 1, none more than ``limit`` times larger or smaller than that."""
    most = np.log(limit)

    def scaled(log_scale: float) -> np.ndarray:
        return np.exp(np.clip(log_weights + log_scale, -most, most))

    # Clipping moves the mean, so that the scale that makes it 1 has to be searched for.
    low, high = -log_weights.max() - most, -log_weights.min() + most
    return scaled(brentq(lambda log_scale: scaled(log_scale).mean() - 1, low, high))
