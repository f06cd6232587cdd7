from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde import _keys
from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.data import open_store
from scgde.data.representations import CountLayer
from scgde.model import CountDecoder
from scgde.results import FittedSets
from scgde.results._store import to_entry, write_entries

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
@shared_docs
def fit_decoder(
    adata: AnnData,
    layer: str | None = None,
    *,
    key: str = "gde",
    n_hidden: int = 128,
    likelihood: str = "nb",
    max_steps: int = 1000,
    seed: int = 0,
) -> None:
    """Fit a decoder of counts to what a fit generates, such as ``X_pca`` or ``X_scVI``; the fit stays as it is.

    With it ``decode=True`` gives counts, in place of log-normalised values or an error. Two stages lose more than one
    fit with ``cells="counts"``, see the page on counts: the decoder knows nothing but the representation, which was
    made for something else.

    Parameters
    ----------
    adata
        A fitted AnnData with its cells, see :func:`scgde.tl.fit_gde` and :func:`fit_tde`.
    layer
        Layer with the counts of the same cells; ``X`` by default.
    key
        %(key)s
    n_hidden
        Width of the hidden layers.
    likelihood
        ``"nb"``: negative binomial; ``"zinb"``: with zero inflation.
    max_steps
        Optimiser steps.
    seed
        %(seed)s

    Returns
    -------
    None. The decoder is added to the model in ``uns[key]["model"]``. It is trained on the sets that the fit was.

    Raises
    ------
    KeyError
        If there is no fit, or no such layer.
    ValueError
        If the layer does not hold counts, or the fit generates cells that are no vectors.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scgde
    >>> adata = scgde.datasets.cohort(20, n_genes=50, seed=0)
    >>> sc.pp.pca(adata, n_comps=10)
    >>> model = scgde.tl.fit_gde(adata, "donor", use_rep="X_pca")
    >>> scgde.tl.fit_decoder(adata, "counts", max_steps=100)
    >>> counts = scgde.tl.generate(adata, "donor_00", decode=True)
    """
    max_steps, seed = check_count(max_steps, "max_steps"), check_count(seed, "seed", minimum=0)
    counts = CountLayer.from_adata(adata, layer)
    fitted = FittedSets.read(adata, key)
    target = fitted.cells.target
    if not target.representation.spec.is_vector:
        msg = f"A decoder needs a fit that generates vectors, got one of {target.representation.spec.kind!r} cells."
        raise ValueError(msg)
    rows = _training_rows(fitted)
    counts.check(adata, np.where(np.isin(np.arange(adata.n_obs), rows), 0, -1))
    options = {"n_hidden": check_count(n_hidden, "n_hidden"), "likelihood": likelihood}
    store = open_store(counts.read(adata), all_rows=False)
    decoder = CountDecoder.fit(counts, target.store, store, rows, max_steps=max_steps, seed=seed, **options)
    fitted.model.decoder = decoder
    write_entries(adata, key, fitted.content, **{_keys.MODEL: to_entry(fitted.model)})


def _training_rows(fitted: FittedSets) -> np.ndarray:
    """Cells of the training sets; of all sets where it is not known which these are."""
    index, split = fitted.index, fitted.split
    is_train = np.ones(index.n_sets, dtype=bool) if split is None else (split == "train").to_numpy()
    return np.sort(index.cells[np.repeat(is_train, index.sizes)])
