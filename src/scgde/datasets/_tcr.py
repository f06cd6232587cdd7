from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "tcr_immunarch_ms_12donors.csv.gz"
COLUMNS = ("donor", "status", "cdr3_aa", "v", "j", "count")
SOURCE = "the example data of https://github.com/immunomind/immunarch (Apache-2.0 licence)"


@checked_keywords
@shared_docs
def tcr(path: str | Path | None = None) -> AnnData:
    """T cell receptors of patients with multiple sclerosis and of controls.

    Parameters
    ----------
    path
        ``tcr_immunarch_ms_12donors.csv.gz``: %(data_path)s

    Returns
    -------
    75,493 clonotypes of 12 donors, without ``X``: in ``obs`` the ``donor``, the ``status``, ``sex`` and ``age``; of the
    beta chain the ``cdr3_aa``, ``v`` and ``j`` genes, and the ``count`` of the clonotype. Receptors that are not
    productive are left out.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Example data of immunarch (ImmunoMind). Apache-2.0 licence.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.tcr()
    >>> scgde.pp.tokenize(adata, "cdr3_aa", alphabet="protein", first_key="v")
    """
    adata = read_published("tcr", FILE, path, COLUMNS, SOURCE)
    return adata[adata.obs["cdr3_aa"].astype(str).str.fullmatch("[A-Z]+")].copy()
