"""Work in a process of its own, whose crash costs nothing but that work."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection


def in_own_process(work: Callable[[], None]) -> None:
    """Run ``work``, which writes a file; on Linux in a copy of this process.

    HDF5 can crash where a disk is full, which must not take a finished fit with it.

    Raises
    ------
    OSError
        If the work fails or crashes.
    """
    if sys.platform != "linux":
        work()
        return
    forks = multiprocessing.get_context("fork")
    receiver, sender = forks.Pipe(duplex=False)
    process = forks.Process(target=_run, args=(work, sender))
    with warnings.catch_warnings():
        # Of forks while there are threads: the copy uses none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    try:
        failure = receiver.recv()
    except EOFError:
        failure = "the process that wrote it crashed, as HDF5 can on a full disk"
    process.join()
    if failure or process.exitcode:
        msg = failure or f"the process that wrote it ended with {process.exitcode}"
        raise OSError(msg)


def _run(work: Callable[[], None], sender: Connection) -> None:
    # What HDF5 says of a failure, many times.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        work()
    except BaseException as error:  # whatever it is, the other process says it
        sender.send(f"{type(error).__name__}: {error}".partition("\n")[0])
    else:
        sender.send("")
