from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "papalexi_eccite_thp1.h5ad"
COLUMNS = ("target", "grna", "bio_rep")
SOURCE = "GEO GSE153056 (Papalexi 2021)"


@checked_keywords
@shared_docs
def papalexi(path: str | Path | None = None) -> AnnData:
    """A CRISPR screen of THP-1 cells (ECCITE-seq): 25 target genes and control guides.

    Parameters
    ----------
    path
        ``papalexi_eccite_thp1.h5ad``: %(data_path)s

    Returns
    -------
    20,729 cells: ``X`` counts of 299 genes, in ``obs`` the ``target`` (26 values), the guide ``grna`` (107) and the
    replicate ``bio_rep``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    :cite:t:`Papalexi21`.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.papalexi()
    >>> scgde.pp.make_sets(adata, "target")
    """
    return read_published("papalexi", FILE, path, COLUMNS, SOURCE)
