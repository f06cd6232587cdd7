from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas as pd
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import LayerField, ObsmField
from scvi.model.base import BaseModelClass

from scgde.data import CellSets, SetField, check_entries
from scgde.model import _io
from scgde.model._base import SetModel
from scgde.model._serialization import BLANK_REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

#: Methods of scvi-tools that work for models of sets.
OF_SCVI = ("adata", "device", "is_trained", "to_device", "view_anndata_setup")


class CellSetsModel(SetModel, BaseModelClass):
    """Model of scvi-tools that holds cells in sets: registered, or given as they are."""

    def __init__(self, adata: AnnData | None = None) -> None:
        BaseModelClass.__init__(self, adata, registry=BLANK_REGISTRY if adata is None else None)
        if adata is not None:
            self._own_cells()

    def __dir__(self) -> list[str]:
        """Names that work: scvi-tools has methods for models of cells, too."""
        own = {name for cls in type(self).__mro__ if cls.__module__.startswith("scgde.") for name in vars(cls)}
        return sorted(own | set(vars(self)) | set(OF_SCVI))

    @classmethod
    def setup_anndata(
        cls,
        adata: AnnData,
        set_key: str,
        *,
        use_rep: str | None = None,
        layer: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Register the column of sets and the features.

        Parameters
        ----------
        adata
            Annotated data.
        set_key
            Column of ``obs`` that names the set of each cell; missing for none.
        use_rep
            Entry of ``obsm`` with the features; ``X`` or ``layer`` if absent.
        layer
            Layer with the features.
        **kwargs
            For scvi-tools.
        """
        setup_method_args = cls._get_setup_method_args(**locals())
        check_entries(adata, set_key, use_rep, layer)
        features = (
            LayerField(REGISTRY_KEYS.X_KEY, layer, is_count_data=False)
            if use_rep is None
            else ObsmField(REGISTRY_KEYS.X_KEY, use_rep)
        )
        manager = AnnDataManager(fields=[features, SetField(set_key)], setup_method_args=setup_method_args)
        manager.register_fields(adata, **kwargs)
        cls.register_manager(manager)

    @classmethod
    def from_cell_sets(cls, cells: CellSets, **options: Any) -> Self:
        """Model of sets that no registered AnnData holds.

        Parameters
        ----------
        cells
            Cells in sets.
        **options
            Of the class.
        """
        views = {"cells": cells.encoder.representation}
        if cells.target is not cells.encoder:
            views["target"] = cells.target.representation
        model = cls(None, **views, **cls._options_of(cells), **options)
        model.attach(cells)
        return model

    def get_embedding(self, adata: AnnData | None = None) -> pd.DataFrame:
        """Embedding of each set, from all of its cells.

        Parameters
        ----------
        adata
            Data with the registered entries, any sets and the same features; the registered data if absent.
            Nothing is written to it.

        Returns
        -------
        One row per set, indexed by name, shape ``(n_sets, E)``.

        Raises
        ------
        RuntimeError
            If the model knows vectors of its training sets only.
        """
        learnt = self.module.learnt_embedding()
        if adata is None and learnt is not None:
            return pd.DataFrame(learnt.detach().cpu().numpy(), index=self._own_cells().names)
        cells = self._own_cells() if adata is None else self._read_cells(adata)
        return pd.DataFrame(self.embed_store(cells.encoder.store, cells.index), index=cells.names)

    @classmethod
    def load(cls, dir_path: str | Path, *, adata: AnnData | None = None) -> Self:
        """Read a model written by :meth:`save`; a folder with a pickle in it is refused.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Data registered with ``setup_anndata`` to attach.
        """
        model = cls.from_stored(_io.read_folder(dir_path))
        if adata is not None:
            model._attach(adata)  # noqa: SLF001
        return model

    def attach(self, cells: CellSets) -> None:
        """Train and embed these sets where no others are given."""
        self._cell_sets = cells

    @classmethod
    def forget(cls, adata: AnnData) -> None:
        """Drop data from the registries of scvi-tools, which keep it alive. Models of it work on."""
        for managers in (cls._setup_adata_manager_store, *cls._per_instance_manager_store.values()):
            managers.pop(adata.uns.get("_scvi_uuid"), None)

    @classmethod
    def _options_of(cls, cells: CellSets) -> dict[str, Any]:
        """Options that follow from the sets."""
        return {}

    def _attach(self, adata: AnnData) -> None:
        self._adata = adata
        self._adata_manager = self._get_most_recent_anndata_manager(adata, required=True)
        self._register_manager_for_instance(self._adata_manager)
        self.registry_ = self._adata_manager.registry
        self.summary_stats = self._adata_manager.summary_stats
        self._own_cells()

    def _own_cells(self) -> CellSets:
        """The sets that the model was made for, opened once."""
        if self._cell_sets is None:
            if self.adata is None:
                msg = "Data is required, but this model was loaded without. Pass `adata`, or use `scgde.tl.embed`."
                raise RuntimeError(msg)
            self._cell_sets = self._read_cells(self.adata)
        return self._cell_sets

    def _read_cells(self, adata: AnnData) -> CellSets:
        return CellSets.from_registered(adata, **self._setup(), representation=self.representation)
