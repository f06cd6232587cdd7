"""The noise of embeddings: what ``scgde.tl.uncertainty`` wrote, and what one cell adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from scgde import _keys
from scgde.model._inference import covariance_of_sets
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import counts_of_sets
from scgde.stats import reliability

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from scgde.results._fitted_sets import FittedSets

#: Sets and cells of each from which the noise of a cell is estimated, a property of all.
_MAX_SETS, _MAX_CELLS_PER_SET = 200, 100
#: An embedding is stored with this relative precision.
_PRECISION = 1e-6


class SetCovariances(NamedTuple):
    """Sets with embeddings and their covariances.

    Attributes
    ----------
    names
        Of the sets.
    n_cells
        Of each, shape ``(S,)``.
    embedding, covariance
        Shapes ``(S, E)`` and ``(S, E, E)``, float64; covariances are never exactly singular.
    """

    names: pd.Index
    n_cells: np.ndarray
    embedding: np.ndarray
    covariance: np.ndarray

    @classmethod
    def read(cls, adata: AnnData, key: str) -> Self:
        """What ``adata`` holds under ``key``.

        Raises
        ------
        KeyError
            If there is no uncertainty.
        ValueError
            If it is that of finite populations, of which no two are the same.
        """
        content = read_entries(adata, key, entry=_keys.COVARIANCE, made_by="scgde.tl.uncertainty")
        if _keys.POPULATION_SIZE in content:
            msg = (
                "Comparisons need the uncertainty about populations without end, but `scgde.tl.uncertainty` was run "
                f"with `population_size={content[_keys.POPULATION_SIZE]!r}`. Run it without."
            )
            raise ValueError(msg)
        embedding, covariance = (np.asarray(content[name], dtype=float) for name in (_keys.EMBEDDING, _keys.COVARIANCE))
        # What single precision cannot tell is no difference, also between sets whose covariance is singular or zero.
        spread = np.einsum("sii->s", covariance) / covariance.shape[1]
        unseen = _PRECISION * spread + (_PRECISION * np.abs(embedding).max()) ** 2
        covariance = covariance + unseen[:, None, None] * np.eye(covariance.shape[1])
        return cls(content[_keys.SETS].index, counts_of_sets(content, key), embedding, covariance)


def noise_of_cell(fitted: FittedSets) -> np.ndarray:
    """Covariance of what one cell adds to the embedding of its set, the mean over sets, shape ``(E, E)``.

    Raises
    ------
    ValueError
        If the encoder is not smooth, or no set has two cells.
    """
    sets = np.flatnonzero(fitted.index.sizes > 1)
    if len(sets) == 0:
        msg = 'Sets of two cells or more are required to know their noise, got none. Choose `metric="embedding"`.'
        raise ValueError(msg)
    some = fitted.index.take(sets[:: -(-len(sets) // _MAX_SETS)]).first_cells(_MAX_CELLS_PER_SET)
    covariance = covariance_of_sets(fitted.model.module, fitted.cells.encoder.store, some)
    # The covariance of a mean over n cells is that of one of them divided by n.
    return np.einsum("s,sef->ef", some.sizes**2 / some.sizes.sum(), covariance)


def reliability_of_dimensions(fitted: FittedSets) -> np.ndarray | None:
    """Of each dimension of the embeddings, shape ``(E,)``; None where their noise is not known.

    That is so of an encoder that is not smooth, and of sets of one cell.
    """
    sizes = fitted.index.sizes
    if not fitted.model.module.encoder.is_smooth or sizes.max() < 2:
        return None
    return reliability(fitted.embedding.astype(float), np.diag(noise_of_cell(fitted)) / sizes[:, None])
