from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "perez_healthy_tcells_8samples.h5ad"
COLUMNS = ("sample", "donor", "batch_cov", "cell_type")
SOURCE = "GEO GSE174188 (Perez 2022)"


@checked_keywords
@shared_docs
def perez(path: str | Path | None = None) -> AnnData:
    """T cells of eight healthy samples, one donor twice, in several batches.

    Parameters
    ----------
    path
        ``perez_healthy_tcells_8samples.h5ad``: %(data_path)s

    Returns
    -------
    15,751 cells: ``X`` counts of 3,000 genes, in ``obs`` the ``sample`` (8), the ``donor`` (7), ``batch_cov``,
    ``Processing_Cohort`` and the ``cell_type``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Perez et al. (2022), Single-cell RNA-seq reveals cell type-specific molecular and genetic associations to lupus,
    Science 376.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.perez()
    >>> scgde.pp.make_sets(adata, "sample")
    """
    return read_published("perez", FILE, path, COLUMNS, SOURCE)
