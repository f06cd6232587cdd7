from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
import torch
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import LayerField, ObsmField
from scvi.model.base import BaseModelClass

from scgde import __version__
from scgde.model import _io
from scgde.model._data import SetData, check_entries
from scgde.model._decoder import PCADecoder
from scgde.model._embedding import embed_sets
from scgde.model._scaling import Scaling, fit_scaling
from scgde.sets import SetField, SetIndex, SetSplitter, open_features
from scgde.train import SetTrainingPlan, run_training

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from scgde._types import Config
    from scgde.model._options import TrainOptions
    from scgde.sets import Pairs

#: Cells that the networks see at once: so many, and fewer if that takes more than so many values.
_MAX_CELLS, _MAX_VALUES = 65_536, 2**26
_WEIGHTS, _DECODER = "module.", "decoder."
_HISTORY = {"step": int, "train_loss": float, "validation_loss": float}
#: What scvi-tools asks of a model without data.
BLANK_REGISTRY = {"field_registries": {}, "setup_args": {}, "model_name": ""}


class SetModel(BaseModelClass):
    """Model of sets of cells: how it holds its data, and how it is stored and read back without a pickle.

    Attributes
    ----------
    decoder
        The way from principal components back to genes, where there is one.
    source
        Which entries of an AnnData were used, where ``scgde.tl`` fitted the model.
    """

    _data_splitter_cls = SetSplitter
    _training_plan_cls = SetTrainingPlan

    decoder: PCADecoder | None = None
    source: Any = None
    #: A model that is trained again keeps the units that it has learnt in.
    is_trained_: bool
    #: Arguments of ``__init__`` that build the same module again.
    _config: Config
    _data: SetData | None = None
    _history: pd.DataFrame = pd.DataFrame()

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
    def history(self) -> pd.DataFrame:
        """Columns step, train_loss, validation_loss; empty before training."""
        return self._history

    def to_stored(self) -> _io.Stored:
        """The model as plain values and arrays."""
        state = {_WEIGHTS + name: value.cpu().numpy() for name, value in self.module.state_dict().items()}
        if self.decoder is not None:
            state |= {f"{_DECODER}components": self.decoder.components, f"{_DECODER}mean": self.decoder.mean}
        parts = self._stored_parts()
        state |= {f"{part}.{name}": value for part, stored in parts.items() for name, value in stored.state.items()}
        history = self._history.astype(object).where(self._history.notna(), None)
        config = {
            "class": type(self).__name__,
            "version": __version__,
            "init": self._config,
            "setup": self._setup(),
            "source": self.source,
            "genes": None if self.decoder is None else self.decoder.genes,
            "history": history.to_dict("list"),
            "parts": {part: stored.config for part, stored in parts.items()},
        }
        return _io.Stored(_io.plain(config, "a model"), state)

    @classmethod
    def from_stored(cls, stored: _io.Stored) -> Self:
        """Inverse of :meth:`to_stored`; the model has no data attached.

        Raises
        ------
        ValueError
            If it is a model of another class, or its parts do not belong together.
        """
        if stored.config.get("class") != cls.__name__:
            msg = f"The stored model must be a {cls.__name__}, got {stored.config.get('class')!r}."
            raise ValueError(msg)
        try:
            return cls._from_parts(stored.config, stored.state)
        except (KeyError, TypeError, RuntimeError) as error:
            msg = f"The parts of a stored model must belong together, these do not: {error}. Save it again."
            raise ValueError(msg) from error

    @classmethod
    def _from_parts(cls, config: Config, state: dict[str, Any]) -> Self:
        model = cls(None, **config["init"])
        weights = {name.removeprefix(_WEIGHTS): state[name] for name in state if name.startswith(_WEIGHTS)}
        model.module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        if config["genes"] is not None:
            model.decoder = PCADecoder(config["genes"], state[f"{_DECODER}components"], state[f"{_DECODER}mean"])
        model.source = config["source"]
        model.registry_ = {**BLANK_REGISTRY, "setup_args": config["setup"]}
        if config["history"]:
            model._history = pd.DataFrame(config["history"], columns=list(_HISTORY)).astype(_HISTORY)
            model.is_trained_ = True
        for part, options in config.get("parts", {}).items():
            prefix = f"{part}."
            arrays = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
            model._read_part(part, _io.Stored(options, arrays))
        return model

    def _stored_parts(self) -> dict[str, _io.Stored]:
        """What was fitted beside the module, by name."""
        return {}

    def _read_part(self, name: str, stored: _io.Stored) -> None:
        """Put back what :meth:`_stored_parts` gave."""

    def save(self, dir_path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as ``config.json`` and ``state.safetensors``; the data is not written.

        Raises
        ------
        FileExistsError
            If the folder is not empty and ``overwrite`` is False.
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

    def _fit(
        self,
        options: TrainOptions,
        parts: tuple[np.ndarray, np.ndarray],
        *,
        set_weights: np.ndarray | None,
        pairs: Pairs | None = None,
        per_set: dict[str, np.ndarray] | None = None,
        checkpoint_dir: str | Path | None,
        progress_bar: bool,
        **trainer_kwargs: Any,
    ) -> None:
        """Train the module on the sets ``parts[0]``, and validate on ``parts[1]``."""
        data = self._own_data()
        if not self.is_trained_:
            fitted = fit_scaling(data.features, data.index, parts[0], method=self._config["scaling"])
            self.module.set_scaling(*map(torch.from_numpy, fitted))
        scaling = Scaling(self.module.center.cpu().numpy(), self.module.scale.cpu().numpy())
        drawn = [*([] if set_weights is None else [set_weights]), *(pairs or []), *(per_set or {}).values()]
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
                set_weights=set_weights,
                pairs=pairs,
                per_set=per_set,
            ),
            max_steps=options.max_steps,
            patience=options.patience,
            validate=len(parts[1]) > 0,
            checkpoint_dir=checkpoint_dir,
            progress_bar=progress_bar,
            precision=options.precision,
            gradient_clip_val=options.gradient_clip,
            **trainer_kwargs,
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

    def _setup(self) -> dict[str, Any]:
        """Arguments of ``setup_anndata``."""
        return dict(self.registry_["setup_args"])

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
