from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.datasets._published import read_published

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

FILE = "igan_glomeruli_pilot.h5ad"
COLUMNS = ("donor", "egfr_stage", "sex", "age")
SOURCE = "https://github.com/CostaLab/PILOT (Joodaki 2024, MIT licence)"


@checked_keywords
@shared_docs
def igan(path: str | Path | None = None) -> AnnData:
    """Morphometry of glomeruli of patients with IgA nephropathy.

    Parameters
    ----------
    path
        ``igan_glomeruli_pilot.h5ad``: %(data_path)s

    Returns
    -------
    24,227 glomeruli of 634 patients: ``X`` 14 morphometrics in their own units, in ``obs`` the ``donor``, the
    ``egfr_stage`` (3), ``sex`` and ``age``.

    Raises
    ------
    %(data_raises)s

    References
    ----------
    Joodaki et al. (2024), Detection of PatIent-Level distances from single cell genomics and pathomics data with
    Optimal Transport (PILOT), Molecular Systems Biology 20. MIT licence.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.igan()
    >>> scgde.pp.make_sets(adata, "donor", min_cells=5)
    """
    return read_published("igan", FILE, path, COLUMNS, SOURCE)
