from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_gde import BaseGDE
from scgde.model._likelihood import check_likelihood
from scgde.model._likelihood import log_likelihood as nats_of_cells
from scgde.results import FittedSets
from scgde.results._label_tuning import batches_of_sets
from scgde.sets._set_groups import rows_of_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import SetLike


@checked_keywords
@shared_docs
def log_likelihood(
    adata: AnnData, sets: SetLike | Sequence[SetLike] | None = None, *, given: str | None = None, key: str = "gde"
) -> pd.Series:
    """Log probability of each cell under the distribution that the embedding of its set stands for.

    Of cells that the encoder has not seen, it says how well the generator knows the set: split each set, embed one part
    with :func:`embed`, and score the other. The mean over cells, divided by that of their tokens, is the negative log
    of the perplexity.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with their cells.
    sets
        Those whose cells are scored; all by default. %(sets_like)s
    given
        Name of the set whose embedding is taken for all cells, or ``"mean"`` for the mean embedding: what a generator
        knows of cells without knowing their set. By default that of each cell's own set.
    key
        %(key)s

    Returns
    -------
    Nats of each cell in these sets, indexed by cell, in the order of ``adata``. Nothing is written. Of a generator that
    knows only a lower bound, such as ``"masked_flow"``, an estimate of that, under the name ``"log_likelihood_bound"``.

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If no set has the values, or the generator does not know probabilities of cells.

    Examples
    --------
    >>> import scgde
    >>> own = scgde.tl.log_likelihood(repertoires, "set_0")
    >>> mean = scgde.tl.log_likelihood(repertoires, "set_0", given="mean")
    >>> gain = (own - mean).mean()  # nats per cell that the embedding explains
    """
    fitted = FittedSets.read(adata, key, BaseGDE)
    check_likelihood(fitted.model)
    chosen = np.arange(len(fitted.table)) if sets is None else rows_of_sets(adata, sets, "`sets`", key)
    known, batches = _known_embedding(fitted, given), batches_of_sets(fitted)
    parts = {}
    for i in chosen:
        rows = fitted.index.rows(int(i))
        embedding = fitted.embedding[i] if known is None else known
        batch = None if batches is None else batches.iloc[i]
        parts[i] = pd.Series(nats_of_cells(fitted.model, fitted.observed(rows), embedding, batch=batch), index=rows)
    values = pd.concat(list(parts.values())).sort_index()
    name = "log_likelihood_bound" if fitted.model.module.generator.likelihood_is_bound else "log_likelihood"
    return pd.Series(values.to_numpy(), index=adata.obs_names[values.index], name=name)


def _known_embedding(fitted: FittedSets[BaseGDE], given: str | None) -> np.ndarray | None:
    if given is None:
        return None
    if given == "mean" and given not in fitted.table.index:
        return fitted.embedding.mean(axis=0)
    return fitted.embedding[fitted.rows_of(given, "given")[0]]
