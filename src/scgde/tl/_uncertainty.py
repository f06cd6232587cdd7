from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scgde import _keys
from scgde._checks import check_jobs
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._inference import covariance_of_sets
from scgde.results import FittedSets
from scgde.results._store import write_entries

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
@shared_docs
def uncertainty(
    adata: AnnData, *, population_size: str | None = None, key: str = "gde", n_jobs: int | None = None
) -> None:
    """Covariance and standard errors of the embedding of each set.

    How much would the embedding move, had other cells of the same population been measured? By the central limit
    theorem for smooth set encoders it is normal around the embedding of the population, with covariance
    Cov(influence) / m for m cells. The influence of each cell is a derivative of the encoder in the weights.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with their cells.
    population_size
        Column of the set table with the number of cells that the cells of a set were taken from, without
        replacement. The covariance is then multiplied by 1 - m / N: zero where every cell was measured. Off by
        default, as one asks about the donor or clone and not about the cells that happened to be in the tube.
        :func:`scgde.tl.compare_sets` takes none.
    key
        %(key)s
    n_jobs
        %(n_jobs)s

    Returns
    -------
    None. Writes ``uns[key]["covariance"]``, shape ``(n_sets, E, E)``, of the embedding itself, and
    ``uns[key]["standard_error"]``, shape ``(n_sets, E)``. Sets of one cell get NaN. Writes `population_size` to
    ``uns[key]["population_size"]`` where it is given.

    Raises
    ------
    KeyError
        If there is no fit, or no such column.
    ValueError
        If the encoder is not smooth, cells of a set are missing, or a population is smaller than its set.

    References
    ----------
    :cite:t:`Fishman25`, theorem on asymptotic normality; :cite:t:`vanderVaart98`, chapter 20.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.uncertainty(adata)
    >>> adata.uns["gde"]["standard_error"].shape
    (20, 4)
    """
    check_jobs(n_jobs, "n_jobs")
    fitted = FittedSets.read(adata, key, all_rows=True)
    correction = _finite_population(fitted, population_size)
    covariance = covariance_of_sets(fitted.model.module, fitted.cells.encoder.store, fitted.index, n_jobs=n_jobs)
    covariance *= correction[:, None, None]
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    entries: dict[str, Any] = {
        _keys.COVARIANCE: covariance.astype(np.float32),
        _keys.STANDARD_ERROR: np.sqrt(np.maximum(variance, 0)).astype(np.float32),
    }
    if population_size is not None:
        entries[_keys.POPULATION_SIZE] = population_size
    content = {name: entry for name, entry in fitted.content.items() if name != _keys.POPULATION_SIZE}
    write_entries(adata, key, content, **entries)


def _finite_population(fitted: FittedSets, column: str | None) -> np.ndarray:
    table = fitted.table
    if column is None:
        return np.ones(len(table))
    if column not in table:
        msg = f"`population_size` must name a column of the set table, got {column!r}. Columns: {list(table)}."
        raise KeyError(msg)
    share = fitted.index.sizes / table[column].to_numpy(dtype=float)
    if not (share <= 1).all():
        msg = (
            f"`population_size` must be at least the cells of each set, but {column!r} is smaller or missing for some."
        )
        raise ValueError(msg)
    return 1 - share
