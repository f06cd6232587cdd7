from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde._hints import checked_keywords
from scgde.get._sharing import found, sharing

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def table(sdata: Any, name: str = "table") -> AnnData:
    """A table of a SpatialData: cells or spots of its regions.

    Arrays are shared with the SpatialData. What is written to the result, such as a fit, is not written to the
    SpatialData; ``sdata.tables[name] = adata`` puts it there.

    Parameters
    ----------
    sdata
        A ``SpatialData``.
    name
        Of the table.

    Returns
    -------
    The table. Its regions, in the column that ``uns["spatialdata_attrs"]["region_key"]`` names, can be sets.

    Raises
    ------
    KeyError
        If there is no such table.

    Examples
    --------
    >>> import scgde
    >>> from spatialdata.datasets import blobs  # doctest: +SKIP
    >>> adata = scgde.get.table(blobs())  # doctest: +SKIP
    >>> scgde.pp.make_sets(adata, "region")  # doctest: +SKIP
    """
    adata = found(sdata.tables, name, "`name` must be a table")
    return sharing(adata, adata.obs.copy())
