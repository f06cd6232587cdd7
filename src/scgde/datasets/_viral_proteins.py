from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "rsv_g_proteins.csv.gz"
COLUMNS = ("date", "year", "region", "country", "clade", "subtype", "protein_G")
SOURCE = "GenBank or Pathoplexus, by the accessions of the RSV trees of https://nextstrain.org"


@checked_keywords
@shared_docs
def viral_proteins(path: str | Path | None = None) -> AnnData:
    """Attachment proteins G of respiratory syncytial virus, by season and region.

    Parameters
    ----------
    path
        ``rsv_g_proteins.csv.gz``: %(data_path)s

    Returns
    -------
    3,319 proteins of up to 322 residues, of 2008 to 2025, without ``X``: in ``obs`` the ``sequence``, ``date``,
    ``year``, ``region``, ``country``, ``clade``, ``subtype`` and ``accession``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    GenBank and Pathoplexus, by the accessions of the public trees of Nextstrain. No licence is stated.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.viral_proteins()
    >>> scgde.pp.tokenize(adata, "sequence", alphabet="ACDEFGHIKLMNPQRSTVWYX")
    """
    adata = read_published("viral_proteins", FILE, path, COLUMNS, SOURCE)
    adata.obs = adata.obs.rename(columns={"protein_G": "sequence"})
    return adata
