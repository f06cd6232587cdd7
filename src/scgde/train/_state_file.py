"""The state of a training as a file: replaced as a whole, and refused where it is damaged."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO

from scgde._files import replacing
from scgde.train._state_folder import STATE_FILE

if TYPE_CHECKING:
    from lightning import Trainer

#: What Lightning reads of a state.
_PARTS = ("state_dict", "callbacks", "optimizer_states", "lr_schedulers", "loops", "global_step", "epoch")
#: After the state: its digest, so that a state with a changed bit is not resumed.
_N_DIGEST = hashlib.sha256().digest_size


class StateFile(TorchCheckpointIO):
    """Writes a state under a temporary name first, and reads tensors and plain values only.

    Where a state cannot be written, training goes on with one warning, and the state before stays.
    """

    _has_warned = False

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        state = content.getvalue()
        try:
            with replacing(path) as partial:
                partial.write_bytes(state + hashlib.sha256(state).digest())
        except OSError as error:  # here, where one of several processes writes, and the others wait for it
            self._warn(path, error)

    def _warn(self, path: Any, error: OSError) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        msg = (
            f"The training state could not be written to {str(path)!r} ({error.strerror or error}). Training goes on; "
            "if it is interrupted, it resumes from the state before. Make room in `checkpoint_dir`."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        try:
            # Processes that were forked hand their weights back in a file of another name.
            return _read(Path(path).read_bytes(), parts=_PARTS if Path(path).name == STATE_FILE else ())
        except Exception as error:  # a state from others may fail anywhere
            msg = (
                f"`checkpoint_dir` must hold a whole training state, but {str(path)!r} is damaged, or none of ours. "
                "Delete it, and the fit begins anew."
            )
            raise ValueError(msg) from error


class SaveState(Callback):
    """Writes the state when an epoch is over: all that a resumed fit needs.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        trainer.save_checkpoint(self._path)


def _read(content: bytes, *, parts: tuple[str, ...]) -> dict[str, Any]:
    state, digest = content[:-_N_DIGEST], content[-_N_DIGEST:]
    if hashlib.sha256(state).digest() != digest:
        msg = "The digest of a state must be that of its content, got another one."
        raise ValueError(msg)
    # `weights_only`: a training state cannot run code.
    checkpoint = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)  # noqa: TID251
    missing = set(parts) - set(checkpoint)
    if missing:
        msg = f"A state must have all parts, got none of {sorted(missing)}."
        raise KeyError(msg)
    return checkpoint
