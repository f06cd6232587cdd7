from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData


def materialize(adata: AnnData) -> None:
    """Turn a view into an AnnData of its own, in place, as scanpy does before it writes; else do nothing."""
    if adata.is_view:
        adata._init_as_actual(adata.copy())  # noqa: SLF001
