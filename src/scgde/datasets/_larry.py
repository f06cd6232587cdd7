from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "larry_invitro_spring.h5ad"
COLUMNS = ("clone_id", "day", "start_pop")
SOURCE = "https://github.com/AllonKleinLab/paper-data (Weinreb 2020, MIT licence)"


@checked_keywords
@shared_docs
def larry(path: str | Path | None = None) -> AnnData:
    """LARRY: clones of blood progenitors in vitro, at days 2, 4 and 6.

    Parameters
    ----------
    path
        ``larry_invitro_spring.h5ad``: %(data_path)s

    Returns
    -------
    130,887 cells: ``X`` the two SPRING coordinates, in ``obs`` the ``clone_id`` (missing where a cell has no barcode),
    the ``day``, the ``start_pop`` and the ``growth_score``, and fates of the cells of day 2 in
    ``obsm["clonal_fate"]``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Weinreb et al. (2020), Lineage tracing on transcriptional landscapes links state to fate during differentiation,
    Science 367. MIT licence.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.larry()
    >>> scgde.pp.make_sets(adata, ["clone_id", "day"])
    """
    adata = read_published("larry", FILE, path, COLUMNS, SOURCE)
    # -1 in the file: no barcode.
    adata.obs["clone_id"] = adata.obs["clone_id"].where(adata.obs["clone_id"] >= 0)
    return adata
