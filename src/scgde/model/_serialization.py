from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pandas as pd
import torch
from packaging.version import Version

from scgde import __version__
from scgde.data.representations import REPRESENTATIONS
from scgde.model import _io
from scgde.model._count_decoder import CountDecoder
from scgde.model._migrations import FORMAT, migrate
from scgde.nn.stored_weights import StoredModelError, check_divisors, check_finite, check_weights, one_sentence
from scgde.sets._seen_labels import CONFIG_ENTRY
from scgde.train import own_surroundings

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.representations import Representation
    from scgde.module import SetModule

_WEIGHTS, _DECODER = "module.", "decoder"
#: What scvi-tools asks of a model without data.
BLANK_REGISTRY = {"field_registries": {}, "setup_args": {}, "model_name": ""}


class StoredModel:
    """Model that can be written as plain values and arrays, and built again from them without a pickle.

    Attributes
    ----------
    representation, target_representation
        What is read of a cell, and what is modelled; None for a model that knows arrays only.
    fitted_on
        Of a model that ``scgde.tl`` fitted, the columns of ``obs`` that it was given, by argument.
    decoder
        From what is modelled to counts, see :func:`scgde.tl.fit_decoder`.
    labels_seen
        Labels that it was trained with, by name of set; None for none.
    """

    module: SetModule
    #: Under which name models are stored, with scvi-tools loaded or not.
    stored_as: ClassVar[str]
    representation: Representation | None = None
    target_representation: Representation | None = None
    fitted_on: Config | None = None
    decoder: CountDecoder | None = None
    labels_seen: Config | None = None
    #: A model that is trained again keeps the units that it has learnt in.
    is_trained_: bool = False
    #: What scvi-tools knows of the data, of which ``setup_args`` are stored.
    registry_: Config = BLANK_REGISTRY
    #: Arguments of ``__init__`` that build the same module again.
    _config: Config
    _history: pd.DataFrame = pd.DataFrame()

    def __init__(self, adata: AnnData | None = None, **options: Any) -> None:
        if adata is not None:
            msg = f"`adata` must be None: a {type(self).__name__} holds no data. Use `scgde.model.{self.stored_as}`."
            raise TypeError(msg)

    @property
    def representations(self) -> tuple[Representation, Representation]:
        """What is read of a cell, and what is modelled.

        Raises
        ------
        RuntimeError
            If the model knows arrays only.
        """
        if self.representation is None or self.target_representation is None:
            msg = "A model that was fitted on an AnnData is required, got one that knows arrays only."
            raise RuntimeError(msg)
        return self.representation, self.target_representation

    @property
    def history(self) -> pd.DataFrame:
        """Columns step, train_loss, validation_loss; empty before training.

        Where the likelihood is known, also ``context_gain``: by how much the loss of validation sets grows where the
        mean embedding stands for each set's own.
        """
        return self._history

    def to_stored(self) -> _io.Stored:
        """The model as plain values and arrays."""
        state = {_WEIGHTS + name: value.cpu().numpy() for name, value in self.module.state_dict().items()}
        parts = {**_stored_representations(self), **self._stored_parts()}
        state |= {f"{part}.{name}": value for part, stored in parts.items() for name, value in stored.state.items()}
        history = self._history.astype(object).where(self._history.notna(), None)
        config = {
            "format": FORMAT,
            "class": self.stored_as,
            "version": __version__,
            "init": self._config,
            "setup": self._setup(),
            "fitted_on": self.fitted_on,
            CONFIG_ENTRY: self.labels_seen,
            "history": history.to_dict("list"),
            "parts": {part: stored.config for part, stored in parts.items()},
        }
        return _io.Stored(_io.plain(config, "a model"), state)

    @classmethod
    @own_surroundings()
    def from_stored(cls, stored: _io.Stored) -> Self:
        """Inverse of :meth:`to_stored`; the model has no data attached.

        Raises
        ------
        StoredModelError
            If it is a model of another class, its parts do not belong together, or a weight is not finite.

        Warns
        -----
        UserWarning
            If it was stored by a later version.
        """
        if stored.config.get("class") != cls.stored_as:
            msg = f"A stored model must be a {cls.stored_as}, got {stored.config.get('class')!r}."
            raise StoredModelError(msg)
        with one_sentence():
            _check_version(stored.config.get("version"))
            check_finite(stored.state)
            return cls._from_parts(*migrate(*stored))

    @classmethod
    def _from_parts(cls, config: Config, state: dict[str, Any]) -> Self:
        weights = _with_prefix(state, _WEIGHTS)
        check_weights(lambda: cls(None, **config["init"]).module, weights)
        model = cls(None, **config["init"])
        model.module.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        check_divisors(model.module)
        model.fitted_on = config["fitted_on"]
        model.labels_seen = config.get(CONFIG_ENTRY)
        model.registry_ = {**BLANK_REGISTRY, "setup_args": dict(config["setup"])}
        if config["history"]:
            history = pd.DataFrame(config["history"])
            model._history = history.astype({**dict.fromkeys(history, float), "step": int})
            model.is_trained_ = True
        for part, options in config["parts"].items():
            model._read_part(part, _io.Stored(options, _with_prefix(state, f"{part}.")))
        return model

    def _stored_parts(self) -> dict[str, _io.Stored]:
        """What was fitted after the module, by name."""
        return {} if self.decoder is None else {_DECODER: self.decoder.to_stored()}

    def _read_part(self, name: str, stored: _io.Stored) -> None:
        """Put back what :meth:`to_stored` stored as a part."""
        if name == _DECODER:
            self.decoder = CountDecoder.from_stored(stored)
            return
        cls = REPRESENTATIONS[stored.config["name"]]
        representation = cls.from_stored(stored.config, stored.state)
        needed = self.module.spec if name == "representation" else self.module.target_spec
        if representation.spec != needed:
            msg = f"A stored model must read cells of {needed}, got {representation.spec}. Save it again."
            raise StoredModelError(msg)
        self.target_representation = representation
        if name == "representation":
            self.representation = representation

    def _setup(self) -> dict[str, Any]:
        """Arguments of ``setup_anndata``."""
        return dict(self.registry_["setup_args"])


def _stored_representations(model: StoredModel) -> dict[str, _io.Stored]:
    """That which is read, and that which is modelled where it is another one; they are put back in this order."""
    given = {"representation": model.representation}
    if model.target_representation is not model.representation:
        given["target_representation"] = model.target_representation
    return {part: _stored(one) for part, one in given.items() if one is not None}


def _stored(representation: Representation) -> _io.Stored:
    config, arrays = representation.to_stored()
    return _io.Stored({"name": REPRESENTATIONS.name_of(type(representation)), **config}, arrays)


def _check_version(version: Any) -> None:
    """Require the version that a model was stored by, and warn if it is a later one."""
    if Version(version) > Version(__version__):
        msg = (
            f"The model was stored by scgde {version}, and is read by {__version__}: install that version, or a later "
            "one, if results differ."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)


def _with_prefix(state: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
