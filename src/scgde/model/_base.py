from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import LayerField, ObsmField

from scgde._checks import check_count, check_non_negative, check_one_of
from scgde.model import _io
from scgde.model._data import SetData, check_entries
from scgde.model._embedding import embed_sets
from scgde.model._stored import StoredModel
from scgde.model._training_cells import training_blocks
from scgde.nn.cells import CellSpec
from scgde.nn.encoders import ENCODERS
from scgde.nn.featurizers import FEATURIZERS
from scgde.nn.transforms._affine import METHODS
from scgde.sets import SetField, SetIndex, SetSplitter, open_features
from scgde.train import SetTrainingPlan, run_training, seeded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anndata import AnnData

    from scgde.model._options import TrainOptions
    from scgde.module import SetModule
    from scgde.sets import Pairs

#: Cells that the networks see at once: so many, and fewer if that takes more than so many values.
_MAX_CELLS, _MAX_VALUES = 65_536, 2**26


class SetModel(StoredModel):
    """Model of sets of cells: how it holds its data, builds its networks and trains them."""

    _module_cls: type[SetModule]
    _data_splitter_cls = SetSplitter
    _training_plan_cls = SetTrainingPlan

    _data: SetData | None = None

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
        """
        data = self._own_data() if adata is None else SetData.read(adata, **self._setup())
        self._check_n_features(data.features.n_features)
        embedding = embed_sets(self.module, data.features, data.index, max_cells=self._max_cells)
        return pd.DataFrame(embedding, index=data.names)

    def embed(self, x: Any, codes: np.ndarray) -> np.ndarray:
        """Embedding of sets of cells that no AnnData holds.

        Parameters
        ----------
        x
            Features, dense, sparse or backed, shape ``(n, G)``.
        codes
            Set of each cell, 0 .. S - 1, or -1 for none, shape ``(n,)``.

        Returns
        -------
        Shape ``(S, E)``.
        """
        self._check_n_features(x.shape[1])
        index = SetIndex.from_codes(np.asarray(codes), int(np.max(codes)) + 1)
        return embed_sets(self.module, open_features(x), index, max_cells=self._max_cells)

    @property
    def latent_scale(self) -> float | None:
        """Wasserstein-2 distance between sets per unit of latent distance; None without an isometry term.

        In the units of the features, or of their standard deviations where the scaling is ``"feature"``.
        """
        if not self._config["isometry"]:
            return None
        unit = 1.0 if self._config["scaling"] == "feature" else float(self.module.scale[0])
        return unit * float(self.module.isometry.log_scale.detach().exp())

    def save(self, dir_path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as ``config.json`` and ``state.safetensors``; the data is not written.

        Parameters
        ----------
        dir_path
            The folder.
        overwrite
            Whether to write over these two files in a folder that is not empty. Other files stay.

        Raises
        ------
        FileExistsError
            If the folder is not empty and ``overwrite`` is False, or holds a pickle, with which :meth:`load` would
            refuse it.
        """
        _io.write_folder(dir_path, self.to_stored(), overwrite=overwrite)

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

    @classmethod
    def forget(cls, adata: AnnData) -> None:
        """Drop data from the registries of scvi-tools, which keep it alive. Models of it work on."""
        for managers in (cls._setup_adata_manager_store, *cls._per_instance_manager_store.values()):
            managers.pop(adata.uns.get("_scvi_uuid"), None)

    def _build(
        self,
        networks: dict[str, Any],
        *,
        n_latent: int,
        n_features: int | None,
        scaling: str,
        seed: int,
        **counts: Any,
    ) -> None:
        """Make the module from the options ``networks``, and ``counts`` of what is stored in another form."""
        check_one_of(networks["encoder"], "encoder", list(ENCODERS))
        check_one_of(networks["featurizer"], "featurizer", list(FEATURIZERS))
        check_one_of(scaling, "scaling", METHODS)
        n_latent, seed = check_count(n_latent, "n_latent"), check_count(seed, "seed", minimum=0)
        if self.adata is not None:
            n_features = self._own_data().features.n_features
        n_features = check_count(n_features, "n_features")
        networks = {**networks, "isometry": check_non_negative(networks["isometry"], "isometry")}
        networks = _io.plain(networks, "the options of a model")
        shape = {"n_latent": n_latent, "n_features": n_features}
        self._config = {**networks, **shape, "scaling": scaling, "seed": seed}
        with seeded(seed):
            options = {**networks, **counts, "transform_kwargs": {"method": scaling}}
            self.module = self._module_cls(CellSpec.vectors(n_features), n_latent, **options)
        self.module.eval()

    def _fit(
        self,
        options: TrainOptions,
        parts: tuple[np.ndarray, np.ndarray],
        *,
        set_weights: Mapping[str, float] | pd.Series | None,
        pairs: Pairs | None = None,
        per_set: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Train the module on the sets ``parts[0]``, and validate on ``parts[1]``."""
        data = self._own_data()
        weights = None if set_weights is None else data.aligned(set_weights)
        if not self.is_trained_:
            self.module.init_from(lambda: training_blocks(data.features, data.index, parts[0]))
        scaling = [buffer.cpu().numpy() for buffer in self.module.transform.buffers()]
        drawn = [*([] if weights is None else [weights]), *(pairs or []), *(per_set or {}).values()]
        identity = self._config | options.flat() | {"data": data.digest(*parts, *scaling, *map(np.asarray, drawn))}
        self._history = run_training(
            self._training_plan_cls(self.module, identity=_io.plain(identity, "the options"), **options.optimizer),
            self._data_splitter_cls(
                data.features,
                data.index,
                train_sets=parts[0],
                validation_sets=parts[1],
                spec=options.spec,
                steps_per_epoch=options.steps_per_validation,
                max_steps=options.max_steps,
                seed=options.seed,
                set_weights=weights,
                pairs=pairs,
                per_set=per_set,
            ),
            validate=len(parts[1]) > 0,
            **options.run,
        )
        self.is_trained_ = True

    @property
    def _max_cells(self) -> int:
        return max(1, min(_MAX_CELLS, _MAX_VALUES // self._config["n_features"]))

    def _attach(self, adata: AnnData) -> None:
        self._adata = adata
        self._adata_manager = self._get_most_recent_anndata_manager(adata, required=True)
        self._register_manager_for_instance(self._adata_manager)
        self.registry_ = self._adata_manager.registry
        self.summary_stats = self._adata_manager.summary_stats
        self._check_n_features(self._own_data().features.n_features)

    def _own_data(self) -> SetData:
        """The registered data, read once."""
        if self.adata is None:
            msg = "Data is required, but this model was loaded without. Pass `adata`, or use `scgde.tl.embed`."
            raise RuntimeError(msg)
        if self._data is None:
            self._data = SetData.read(self.adata, **self._setup())
        return self._data

    def _check_n_features(self, n_features: int) -> None:
        if n_features != self._config["n_features"]:
            msg = f"Cells must have {self._config['n_features']} features as in training, got {n_features}."
            raise ValueError(msg)
