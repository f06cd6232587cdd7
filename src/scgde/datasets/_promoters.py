from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "gpra_yeast_promoters.csv.gz"
COLUMNS = ("set", "medium", "sequence", "measured_expression")
SOURCE = "https://zenodo.org/records/4436477 (Vaishnav 2022, MIT licence)"


@checked_keywords
@shared_docs
def promoters(path: str | Path | None = None) -> AnnData:
    """Yeast promoters with the expression that they drive.

    Parameters
    ----------
    path
        ``gpra_yeast_promoters.csv.gz``: %(data_path)s

    Returns
    -------
    15,758 sequences of 110 bases, without ``X``: in ``obs`` the ``sequence``, its ``library`` and ``medium``, the
    ``expression``, and its ``rank`` between 0 and 1 among those of its library and medium.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Vaishnav et al. (2022), The evolution, evolvability and engineering of gene regulatory DNA, Nature 603. MIT licence.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.promoters()
    >>> scgde.pp.tokenize(adata, "sequence", alphabet="ACGTN")
    """
    adata = read_published("promoters", FILE, path, COLUMNS, SOURCE)
    adata.obs = adata.obs.rename(columns={"set": "library", "measured_expression": "expression"})
    adata.obs["rank"] = adata.obs.groupby(["library", "medium"], observed=True)["expression"].rank(pct=True)
    return adata
