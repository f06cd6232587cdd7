from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "norman_mcfaline_perturbench_devel.h5ad"
COLUMNS = ("dataset", "cell_type", "condition")
SOURCE = "https://github.com/altoslabs/perturbench (Norman 2019, McFaline-Figueroa 2023)"


@checked_keywords
@shared_docs
def norman(path: str | Path | None = None) -> AnnData:
    """Single and double perturbations of two screens: Norman 2019 and McFaline-Figueroa 2023, as PerturBench has them.

    Parameters
    ----------
    path
        ``norman_mcfaline_perturbench_devel.h5ad``: %(data_path)s

    Returns
    -------
    5,961 cells: ``X`` 500 log-normalised genes, in ``obs`` the ``dataset``, the ``cell_type``, the ``condition``
    (parts joined by ``+``) and the ``dose``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Norman et al. (2019), Exploring genetic interaction manifolds constructed from rich single-cell phenotypes, Science
    365; McFaline-Figueroa et al. (2024), Cell Genomics 4.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.norman()
    >>> scgde.pp.make_sets(adata, ["cell_type", "condition"])
    """
    return read_published("norman", FILE, path, COLUMNS, SOURCE)
