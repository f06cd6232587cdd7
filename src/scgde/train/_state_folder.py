from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._files import open_folder

if TYPE_CHECKING:
    from pathlib import Path

STATE_FILE = "state.ckpt"


def open_state_file(checkpoint_dir: str | Path | None) -> Path | None:
    """Where the state is, in a folder that is there and takes files; None for None.

    Raises
    ------
    OSError
        If there can be no such folder.
    """
    return None if checkpoint_dir is None else open_folder(checkpoint_dir, "checkpoint_dir") / STATE_FILE
