from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scvi.data.fields import BaseAnnDataField

from scgde.data._set_column import set_names

if TYPE_CHECKING:
    from anndata import AnnData

SET_KEY = "set"


class SetField(BaseAnnDataField):
    """The ``obs`` column of sets.

    Unlike a categorical covariate, new data brings sets of its own: a transfer registers afresh, and writes nothing.

    Parameters
    ----------
    set_key
        Column of ``obs``; a missing value marks a cell in no set.
    """

    registry_key = SET_KEY
    attr_name = "obs"
    is_empty = False

    def __init__(self, set_key: str) -> None:
        self._set_key = set_key

    @property
    def attr_key(self) -> str:
        return self._set_key

    def validate_field(self, adata: AnnData) -> None:
        if self._set_key not in adata.obs:
            msg = f"`set_key` must name a column of `adata.obs`, got {self._set_key!r}. Columns: {list(adata.obs)}."
            raise KeyError(msg)
        if adata.obs[self._set_key].isna().all():
            msg = f"`adata.obs[{self._set_key!r}]` must name the set of at least one cell, got missing values only."
            raise ValueError(msg)

    def register_field(self, adata: AnnData) -> dict[str, Any]:
        self.validate_field(adata)
        return {"names": set_names(adata.obs[self._set_key]).tolist()}

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict[str, Any]:
        return self.register_field(adata_target)

    def get_summary_stats(self, state_registry: dict) -> dict[str, int]:
        return {"n_sets": len(state_registry["names"])}

    def view_state_registry(self, state_registry: dict) -> None:
        return None
