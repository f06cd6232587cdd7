from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_seed
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.model._inference import covariance_of_sets, embed_draws
from scgde.results import FittedSets
from scgde.results._store import write_entries
from scgde.sets._set_groups import rows_of_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import SetLike

SIZES = (10, 30, 100, 300, 1000)
_N_SETS = 3


@checked_keywords
@shared_docs
def convergence(
    adata: AnnData,
    *,
    sets: SetLike | Sequence[SetLike] | None = None,
    sizes: Sequence[int] = SIZES,
    n_draws: int = 50,
    key: str = "gde",
    seed: int = 0,
) -> None:
    """How the embedding of a draw approaches that of the whole set as the draw grows.

    Cells are drawn with replacement, so that the set itself is the population, of which the truth is known: the
    embedding of all of its cells. The distance to it has to fall as one over the square root of the cells, from
    some number of cells on along the line that the influence functions predict.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with their cells.
    sets
        %(sets_like)s By default the three largest.
    sizes
        Cells to draw. Sizes above the cells of a set are left out for it.
    n_draws
        Draws of each size from each set.
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    None. Writes the table ``uns[key]["convergence"]``, one row per draw: ``set``, ``n_cells``, ``distance`` between
    the embeddings of draw and set, and ``predicted``, the root mean square that the CLT gives, NaN if the encoder
    is not smooth.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If no set has the values, no size is within the cells of a set, or cells of a set are missing.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.convergence(adata, sets=["donor_00"], sizes=(5, 10, 20), n_draws=5)
    >>> adata.uns["gde"]["convergence"].groupby("n_cells")["distance"].size().to_dict()
    {5: 5, 10: 5, 20: 5}
    """
    sizes = sorted({check_count(size, "sizes") for size in sizes})
    n_draws, rng = check_count(n_draws, "n_draws"), check_seed(seed)
    fitted = FittedSets.read(adata, key, all_rows=True)
    chosen = _chosen(fitted, None if sets is None else rows_of_sets(adata, sets, "`sets`", key), sizes)
    spread, parts = _root_trace(fitted, chosen), []
    for i, unit in progress(zip(chosen, spread, strict=True), "Convergence", unit="set", total=len(chosen)):
        rows = fitted.index.rows(i)
        share = None if fitted.index.weights is None else _shares(fitted.index.weights[rows])
        for size in (size for size in sizes if size <= len(rows)):
            drawn = rng.choice(rows, (n_draws, size), p=share)
            draws = embed_draws(fitted.model.module, fitted.cells.encoder.store, drawn)
            distance = np.linalg.norm(draws - fitted.embedding[i], axis=1)
            row = {"set": fitted.table.index[i], _keys.N_CELLS: size, "distance": distance}
            parts.append(pd.DataFrame(row | {"predicted": unit / size**0.5}))
    write_entries(adata, key, fitted.content, **{_keys.CONVERGENCE: pd.concat(parts, ignore_index=True)})


def _chosen(fitted: FittedSets, asked: np.ndarray | None, sizes: list[int]) -> np.ndarray:
    """Rows of the sets to draw from."""
    n_cells = fitted.index.sizes
    if asked is None:
        rows = np.argsort(-n_cells, kind="stable")[:_N_SETS]
        rows = rows[n_cells[rows] >= sizes[0]] if (n_cells >= sizes[0]).any() else rows
    else:
        rows = asked
    if (n_cells[rows] < sizes[0]).any():
        msg = f"`sizes` must start within the cells of each set, got {sizes} for sets of {n_cells[rows].tolist()}."
        raise ValueError(msg)
    return rows


def _root_trace(fitted: FittedSets, sets: np.ndarray) -> np.ndarray:
    """Root of the trace of Cov(influence), shape ``(S,)``."""
    module = fitted.model.module
    if not module.encoder.is_smooth:
        return np.full(len(sets), np.nan)
    index = fitted.index.take(sets)
    # The set is the population here: its variance, and not an estimate from its cells.
    covariance = covariance_of_sets(module, fitted.cells.encoder.store, index)
    return np.sqrt(np.einsum("sii->s", covariance) * (index.effective_sizes - 1))


def _shares(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()
