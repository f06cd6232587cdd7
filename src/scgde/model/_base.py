from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import torch
from scvi.model.base import BaseModelClass

from scgde import __version__
from scgde.model import _io
from scgde.model._data import SetData
from scgde.model._decoder import PCADecoder

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from scgde._types import Config

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

    decoder: PCADecoder | None = None
    source: Any = None
    #: Arguments of ``__init__`` that build the same module again.
    _config: Config
    _data: SetData | None = None
    _history: pd.DataFrame = pd.DataFrame()

    @property
    def history(self) -> pd.DataFrame:
        """Columns step, train_loss, validation_loss; empty before training."""
        return self._history

    def to_stored(self) -> _io.Stored:
        """The model as plain values and arrays."""
        state = {_WEIGHTS + name: value.cpu().numpy() for name, value in self.module.state_dict().items()}
        if self.decoder is not None:
            state |= {f"{_DECODER}components": self.decoder.components, f"{_DECODER}mean": self.decoder.mean}
        history = self._history.astype(object).where(self._history.notna(), None)
        config = {
            "class": type(self).__name__,
            "version": __version__,
            "init": self._config,
            "setup": self._setup(),
            "source": self.source,
            "genes": None if self.decoder is None else self.decoder.genes,
            "history": history.to_dict("list"),
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
        return model

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
