"""Fields of immune receptors where scirpy keeps them, without scirpy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from anndata import AnnData

_NAME = re.compile(r"(?P<chain>VJ|VDJ)_(?P<number>[12])_(?P<field>\w+)")


def airr_column(adata: AnnData, name: str) -> pd.Series | None:
    """A field of one chain of each cell, named as scirpy's ``get.airr`` does; None where there is none of that name.

    Parameters
    ----------
    adata
        With chains in ``obsm["airr"]`` and their numbers in ``obsm["chain_indices"]``, as scirpy writes them.
    name
        Chain, number and field: ``"VDJ_1_junction_aa"`` is the CDR3 of the first VDJ chain.
    """
    parts = _NAME.fullmatch(name)
    if parts is None or "airr" not in adata.obsm or "chain_indices" not in adata.obsm:
        return None
    cells, chains = adata.obsm["airr"], adata.obsm["chain_indices"]
    if parts["field"] not in cells.fields:
        return None
    number = int(parts["number"]) - 1
    indices = chains[parts["chain"]].to_list()
    values = [_at(cell, index, number) for cell, index in zip(cells[parts["field"]].to_list(), indices, strict=True)]
    return pd.Series(values, index=adata.obs_names, dtype=object)


def _at(cell: list[Any], indices: list[int | None], number: int) -> Any:
    """Value of a chain; None where the cell has fewer."""
    index = indices[number] if number < len(indices) else None
    return None if index is None else cell[index]
