"""Models as safetensors and JSON: files from others must not be able to run code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

if TYPE_CHECKING:
    from typing import Any

    from scgde._types import Config

CONFIG_FILE = "config.json"
STATE_FILE = "state.safetensors"
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
    """JSON text, and safetensors as a uint8 array: what an AnnData can carry."""
    content = save_tensors({name: np.ascontiguousarray(value) for name, value in stored.state.items()})
    return json.dumps(stored.config), np.frombuffer(content, dtype=np.uint8).copy()


def from_text_and_bytes(config: str | bytes, state: np.ndarray | bytes, *, origin: str) -> Stored:
    """Inverse of :func:`to_text_and_bytes`; ``origin`` names the source in messages."""
    try:
        text = config if isinstance(config, bytes) else str(config)
        content = state if isinstance(state, bytes) else np.asarray(state, dtype=np.uint8).tobytes()
        return Stored(dict(json.loads(text)), load_tensors(content))
    except (SafetensorError, ValueError, TypeError) as error:
        msg = (
            f"A model must be JSON and safetensors, got something else in {origin} ({error}). "
            "scgde never unpickles: save the model again with `model.save`."
        )
        raise ValueError(msg) from error


def write_folder(folder: str | Path, stored: Stored, *, overwrite: bool) -> None:
    """Write ``config.json`` and ``state.safetensors``, over older ones with ``overwrite``; nothing else is touched.

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
    folder.mkdir(parents=True, exist_ok=True)
    config, state = to_text_and_bytes(stored)
    # A write that is interrupted must not leave the weights of one model with the options of another.
    (folder / CONFIG_FILE).unlink(missing_ok=True)
    (folder / STATE_FILE).write_bytes(state.tobytes())
    (folder / CONFIG_FILE).write_text(config, encoding="utf-8")


def read_folder(folder: str | Path) -> Stored:
    """Read what :func:`write_folder` wrote.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If the folder holds a pickle, or its files are not JSON and safetensors.
    """
    folder = Path(folder)
    pickles = _pickles(folder)
    if pickles:
        msg = (
            f"A model folder must hold {CONFIG_FILE} and {STATE_FILE}, got {pickles} in {str(folder)!r}. "
            "A pickle can run code when it is read, and scgde reads none: save the model with `model.save`."
        )
        raise ValueError(msg)
    missing = [name for name in (CONFIG_FILE, STATE_FILE) if not (folder / name).is_file()]
    if missing:
        msg = f"A model folder must hold {CONFIG_FILE} and {STATE_FILE}, but {str(folder)!r} lacks {missing}."
        raise FileNotFoundError(msg)
    config, state = (folder / CONFIG_FILE).read_bytes(), (folder / STATE_FILE).read_bytes()
    return from_text_and_bytes(config, state, origin=repr(str(folder)))


def _pickles(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*") if path.suffix.lower() in _PICKLES)
