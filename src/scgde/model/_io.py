"""Models as safetensors and JSON: files from others must not be able to run code."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from scgde._files import open_folder, replacing
from scgde.nn.stored_weights import StoredModelError, one_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from scgde._types import Config

CONFIG_FILE = "config.json"
STATE_FILE = "state.safetensors"
#: The state of the older model, while a newer one is being written over it.
PREVIOUS_FILE = "state.previous.safetensors"
#: Entries of the config with the sha256 of the state, and of the rest of the config.
_STATE_DIGEST, _CONFIG_DIGEST = "state_sha256", "config_sha256"
#: Bytes of a config: names of some 10^6 features.
_MAX_CONFIG = 2**25
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")


class Stored(NamedTuple):
    """A model at rest: plain values, and arrays by name."""

    config: Config
    state: dict[str, np.ndarray]


def plain(value: Any, what: str) -> Any:
    """``value`` as JSON can hold it: numpy numbers, arrays, tuples and paths become numbers, lists and text.

    Raises
    ------
    TypeError
        If it holds anything else; ``what`` names it in the message.
    """
    if isinstance(value, dict):
        return {str(name): plain(part, what) for name, part in value.items()}
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist(), what)
    if isinstance(value, list | tuple):
        return [plain(part, what) for part in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    msg = f"{what[0].upper()}{what[1:]} must hold numbers, text, lists and dicts only, got {value!r}."
    raise TypeError(msg)


def to_text_and_bytes(stored: Stored) -> tuple[str, np.ndarray]:
    """JSON text, with digests, and safetensors as a uint8 array: what an AnnData can carry."""
    content = save_tensors({name: np.asarray(value, order="C") for name, value in stored.state.items()})
    config = json.dumps({**stored.config, **_digests(stored.config, content)})
    return config, np.frombuffer(content, dtype=np.uint8).copy()


def from_entry(entry: Mapping[str, Any], *, origin: str) -> Stored:
    """The model in an entry of ``uns``, with the ``"config"`` and ``"state"`` of :func:`to_text_and_bytes`."""
    with one_sentence():
        return from_text_and_bytes(entry["config"], entry["state"], origin=origin)


def from_text_and_bytes(config: str | bytes, state: np.ndarray | bytes, *, origin: str) -> Stored:
    """Inverse of :func:`to_text_and_bytes`; ``origin`` names the source in messages.

    Raises
    ------
    StoredModelError
        If these are not JSON and safetensors, or not as they were saved.
    """
    try:
        text = config if isinstance(config, bytes) else str(config)
        content = state if isinstance(state, bytes) else np.asarray(state, dtype=np.uint8).tobytes()
        values, arrays = _parsed(text), load_tensors(content)
    except Exception as error:  # what others wrote may fail anywhere
        msg = (
            f"A stored model must be JSON and safetensors, got something else in {origin} ({error}). "
            "scgde never unpickles: save the model again with `model.save`."
        )
        raise StoredModelError(msg) from error
    given = {name: values.pop(name) for name in (_STATE_DIGEST, _CONFIG_DIGEST) if name in values}
    if not given.items() <= _digests(values, content).items():
        msg = (
            f"A stored model must be as it was saved, got another config or other weights in {origin}: it was damaged "
            "or changed. Copy or save the model again."
        )
        raise StoredModelError(msg)
    return Stored(values, arrays)


def _parsed(text: str | bytes) -> Config:
    if len(text) > _MAX_CONFIG:
        msg = f"{len(text)} bytes of JSON, and {_MAX_CONFIG} at most are read"
        raise ValueError(msg)
    return dict(json.loads(text))  # nesting is bounded by the recursion limit of Python


def write_folder(folder: str | Path, stored: Stored, *, overwrite: bool) -> None:
    """Write ``config.json`` and ``state.safetensors``, over older ones with ``overwrite``; nothing else is touched.

    At every moment the folder can be read as the older model, or as the new one.

    Raises
    ------
    FileExistsError
        If the folder is not empty and ``overwrite`` is False, or holds a pickle, with which it could not be read.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        msg = f"`dir_path` must be a new or empty folder, got {str(folder)!r}. Or pass `overwrite=True`."
        raise FileExistsError(msg)
    pickles = _pickles(folder)
    if pickles:
        msg = (
            f"`dir_path` must be a folder without pickles, which scgde neither reads nor deletes, got {pickles} in "
            f"{str(folder)!r}. Move them elsewhere, or choose another folder."
        )
        raise FileExistsError(msg)
    open_folder(folder, "dir_path")
    config, state = to_text_and_bytes(stored)
    previous = folder / PREVIOUS_FILE
    with replacing(folder / CONFIG_FILE) as new_config, replacing(folder / STATE_FILE) as new_state:
        new_state.write_bytes(state.tobytes())
        new_config.write_text(config, encoding="utf-8")
        # Until the new config is there, the old one needs its state.
        if (folder / STATE_FILE).exists() and not previous.exists():
            (folder / STATE_FILE).replace(previous)
    previous.unlink(missing_ok=True)


def read_folder(folder: str | Path) -> Stored:
    """Read what :func:`write_folder` wrote.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    StoredModelError
        If the folder holds a pickle, its files are not JSON and safetensors, or not those of one model.
    """
    folder = Path(folder)
    pickles = _pickles(folder)
    if pickles:
        msg = (
            f"A stored model must be {CONFIG_FILE} and {STATE_FILE}, got {pickles} in {str(folder)!r}. "
            "A pickle can run code when it is read, and scgde reads none: save the model with `model.save`."
        )
        raise StoredModelError(msg)
    states = [path for path in (folder / STATE_FILE, folder / PREVIOUS_FILE) if path.is_file()]
    is_there = {CONFIG_FILE: (folder / CONFIG_FILE).is_file(), STATE_FILE: bool(states)}
    missing = [name for name, found in is_there.items() if not found]
    if missing:
        hint = " It is a file: of an h5ad file, pass what `anndata.read_h5ad` gives." if folder.is_file() else ""
        msg = f"A stored model must be {CONFIG_FILE} and {STATE_FILE}, but {str(folder)!r} lacks {missing}.{hint}"
        raise FileNotFoundError(msg)
    config = (folder / CONFIG_FILE).read_bytes()
    return from_text_and_bytes(config, _state_of(config, states), origin=repr(str(folder)))


def _state_of(config: bytes, states: list[Path]) -> bytes:
    """The state that was saved with a config, or the last: a save that was broken off leaves the older one, too."""
    for path in states:
        content = path.read_bytes()
        if _digest(content).encode() in config:
            break
    return content


def _digests(config: Config, state: bytes) -> dict[str, str]:
    text = json.dumps(config, sort_keys=True)
    return {_STATE_DIGEST: _digest(state), _CONFIG_DIGEST: _digest(text.encode())}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _pickles(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.suffix.lower() in _PICKLES)


def to_storable(params: Config) -> Config:
    """Options as h5ad and zarr can hold them: plain values, and those that are None left out."""
    return _without_none(plain(params, "options"))


def _without_none(params: Config) -> Config:
    nested = {name: _without_none(value) if isinstance(value, dict) else value for name, value in params.items()}
    return {name: value for name, value in nested.items() if value is not None}
