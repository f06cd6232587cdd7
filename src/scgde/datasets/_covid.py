from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "covid_pbmc_stephenson_pca.h5ad"
COLUMNS = ("donor", "status", "cell_type")
SOURCE = "ArrayExpress E-MTAB-10026 (Stephenson 2021)"


@checked_keywords
@shared_docs
def covid(path: str | Path | None = None) -> AnnData:
    """Blood cells of donors with COVID-19, other diseases or none.

    Parameters
    ----------
    path
        ``covid_pbmc_stephenson_pca.h5ad``: %(data_path)s

    Returns
    -------
    18,598 cells of 32 donors: ``X`` 50 principal components, without genes, in ``obs`` the ``donor``, the ``status``
    and the ``cell_type`` (18).

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Stephenson et al. (2021), Single-cell multi-omics analysis of the immune response in COVID-19, Nature Medicine 27.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.covid()
    >>> scgde.pp.make_sets(adata, "donor")
    """
    return read_published("covid", FILE, path, COLUMNS, SOURCE)
