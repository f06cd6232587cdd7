from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "bodenmiller2012_pbmc_stim.h5ad"
COLUMNS = ("treatment", "cell_type")
SOURCE = "the package `bodenmiller` of CRAN (Bodenmiller 2012, CC0)"


@checked_keywords
@shared_docs
def bodenmiller(path: str | Path | None = None) -> AnnData:
    """Mass cytometry of stimulated blood cells.

    Parameters
    ----------
    path
        ``bodenmiller2012_pbmc_stim.h5ad``: %(data_path)s

    Returns
    -------
    51,936 cells: ``X`` 23 markers after arcsinh, in ``obs`` the ``treatment`` (4) and the ``cell_type`` (14).

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Bodenmiller et al. (2012), Multiplexed mass cytometry profiling of cellular states perturbed by small-molecule
    regulators, Nature Biotechnology 30. CC0.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.bodenmiller()
    >>> scgde.pp.make_sets(adata, ["treatment", "cell_type"])
    """
    return read_published("bodenmiller", FILE, path, COLUMNS, SOURCE)
