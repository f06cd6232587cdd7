from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pandas as pd
import torch
from scvi.model.base import BaseModelClass

from scgde import __version__
from scgde.model import _io
from scgde.model._decoder import PCADecoder
from scgde.model._migrations import FORMAT, migrate

if TYPE_CHECKING:
    from scgde._types import Config

_WEIGHTS, _DECODER = "module.", "decoder."
_HISTORY = {"step": int, "train_loss": float, "validation_loss": float}
#: What scvi-tools asks of a model without data.
BLANK_REGISTRY = {"field_registries": {}, "setup_args": {}, "model_name": ""}


class StoredModel(BaseModelClass):
    """Model that can be written as plain values and arrays, and built again from them without a pickle.

    Attributes
    ----------
    decoder
        The way from principal components back to genes, where there is one.
    source
        Which entries of an AnnData were used, where ``scgde.tl`` fitted the model.
    """

    decoder: PCADecoder | None = None
    source: Any = None
    #: A model that is trained again keeps the units that it has learnt in.
    is_trained_: bool
    #: Arguments of ``__init__`` that build the same module again.
    _config: Config
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
        parts = self._stored_parts()
        state |= {f"{part}.{name}": value for part, stored in parts.items() for name, value in stored.state.items()}
        history = self._history.astype(object).where(self._history.notna(), None)
        config = {
            "class": type(self).__name__,
            "version": __version__,
            "format": FORMAT,
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
        config, state = migrate(config, state)
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

    def _setup(self) -> dict[str, Any]:
        """Arguments of ``setup_anndata``."""
        return dict(self.registry_["setup_args"])
