"""Files that are whole under their name, or not there: written under another name in the same folder, then renamed."""

from __future__ import annotations

import errno
import os
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = ".partial"
#: Age in seconds from which an unfinished file has no writer any more.
_ABANDONED = 24 * 3600
#: Bytes that a folder must take for a file to be expected to fit in it.
_PROBE = 4096


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = True) -> Iterator[Path]:
    """A temporary file that takes the name of ``path`` when the block ends well, and is deleted otherwise.

    It is in the same folder, so that renaming it is one step on every file system, and has a name of its own, so that
    two writers do not meet. It is on the disk before it is renamed: the file before stays until the next is whole.
    A link is followed. Files that a killed process left are deleted by the next writer of that name, after a day.

    Parameters
    ----------
    path
        File to write or replace, in an existing folder.
    overwrite
        Whether to replace a file that is there in the end, by whomever it was written.

    Yields
    ------
    The name to write under.

    Raises
    ------
    FileExistsError
        If there is a file in the end, and ``overwrite`` is False.

    Examples
    --------
    >>> with replacing("scores.csv") as partial:
    ...     frame.to_csv(partial)
    """
    path = Path(path).resolve()
    _delete_abandoned(path)
    partial = _own_name(path)
    try:
        yield partial
        _to_disk(partial)
        if overwrite:
            partial.replace(path)
        else:
            _name_new(partial, path)
        _names_to_disk(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: str | Path, argument: str) -> None:
    """Require, before any work, that a file can be written.

    Raises
    ------
    IsADirectoryError
        If there is a folder of that name.
    OSError
        If its folder is not there or takes no files.
    """
    path = Path(path).resolve()
    if path.is_dir():
        msg = f"`{argument}` must be a file, but {str(path)!r} is a folder. Choose another name, or one in the folder."
        raise IsADirectoryError(msg)
    probe = _own_name(path)
    try:
        probe.write_bytes(bytes(_PROBE))
        _to_disk(probe)
    except OSError as error:
        msg = (
            f"`{argument}` must be a file that can be written, but {str(path.parent)!r} takes none "
            f"({error.strerror}). Choose another folder, or make room there."
        )
        raise type(error)(msg) from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def open_folder(path: str | Path, argument: str) -> Path:
    """Make a folder, where there is none, and require that files can be written in it.

    Raises
    ------
    OSError
        If there is a file of that name, the folder cannot be made, or it takes no files.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"`{argument}` must be a folder, but {str(path)!r} cannot be made ({error.strerror}). Choose another one."
        raise type(error)(msg) from error
    check_writable(folder / argument, argument)
    return folder


def _name_new(partial: Path, path: Path) -> None:
    """Give a file a name that no file has; that another writer took it meanwhile is noticed in the same step."""
    try:
        path.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        partial.replace(path)


def _own_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{_ENDING}")


def _delete_abandoned(path: Path) -> None:
    """Delete what writers of this file left that were killed: unfinished files that nobody has written to for long."""
    prefix = f".{path.name}."
    for entry in os.scandir(path.parent):
        if entry.name.startswith(prefix) and entry.name.endswith(_ENDING):
            with suppress(OSError):  # of another user, or deleted by another writer
                if time.time() - entry.stat().st_mtime > _ABANDONED:
                    Path(entry.path).unlink()


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _names_to_disk(folder: Path) -> None:
    """Let a renaming outlive a power cut, where the file system has folders that can be written out."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
