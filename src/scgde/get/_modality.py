from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde._hints import checked_keywords
from scgde.get._sharing import found, sharing

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def modality(mdata: Any, name: str) -> AnnData:
    """A modality of a MuData, with the columns of all modalities.

    Arrays are shared with the MuData. What is written to the result, such as a fit, is not written to the MuData;
    ``mdata.mod[name] = adata`` puts it there.

    Parameters
    ----------
    mdata
        A ``MuData``.
    name
        Of the modality.

    Returns
    -------
    The cells of the modality. ``obs`` has its own columns and those of ``mdata.obs`` that it lacks, such as the donor.

    Raises
    ------
    KeyError
        If there is no such modality.

    Examples
    --------
    >>> import mudata
    >>> import scgde
    >>> mdata = mudata.MuData({"rna": scgde.datasets.cohort(6)})
    >>> adata = scgde.get.modality(mdata, "rna")
    >>> scgde.pp.make_sets(adata, "donor")
    """
    adata = found(mdata.mod, name, "`name` must be a modality")
    more = mdata.obs.drop(columns=[column for column in mdata.obs if _is_known(str(column), name, adata)])
    return sharing(adata, adata.obs.join(more))


def _is_known(column: str, name: str, adata: AnnData) -> bool:
    """Whether a modality has the column itself; MuData repeats columns of modalities under ``"rna:donor"``."""
    return column in adata.obs or column.removeprefix(f"{name}:") in adata.obs
