from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "onek1k_subset_40donors.h5ad"
COLUMNS = ("donor", "cell_type", "sex", "age")
SOURCE = "GEO GSE196830 (Yazar 2022)"


@checked_keywords
@shared_docs
def onek1k(path: str | Path | None = None) -> AnnData:
    """OneK1K: blood cells of 40 donors.

    Parameters
    ----------
    path
        ``onek1k_subset_40donors.h5ad``: %(data_path)s

    Returns
    -------
    7,811 cells: ``X`` counts of 1,000 genes, in ``obs`` the ``donor``, the ``cell_type`` (4), ``sex`` and ``age``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Yazar et al. (2022), Single-cell eQTL mapping identifies cell type-specific genetic control of autoimmune disease,
    Science 376.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.onek1k()
    >>> scgde.pp.make_sets(adata, "donor")
    """
    return read_published("onek1k", FILE, path, COLUMNS, SOURCE)
