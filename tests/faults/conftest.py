"""Processes that can be killed, and disks that can be full."""

from __future__ import annotations

import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess


@pytest.fixture(scope="session")
def context() -> ForkServerContext:
    """Processes that begin with the libraries imported; functions are those of `jobs`."""
    sys.path.insert(0, str(Path(__file__).parent))
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["jobs"])
    return forks


@pytest.fixture(scope="session")
def start(context: ForkServerContext) -> Callable[..., BaseProcess]:
    """Start a function of `jobs` in a process of its own, and return once it works."""
    jobs = __import__("jobs")

    def start_job(name: str, *arguments: object) -> BaseProcess:
        ready = context.Event()
        process = context.Process(target=jobs.run, args=(name, ready, arguments))
        process.start()
        assert ready.wait(120)
        return process

    return start_job


@pytest.fixture(scope="session")
def finish(start: Callable[..., BaseProcess]) -> Callable[..., int]:
    """Run a function of `jobs` to its end, and return the exit code."""

    def run(name: str, *arguments: object) -> int:
        process = start(name, *arguments)
        process.join(300)
        assert process.exitcode is not None
        return process.exitcode

    return run


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount disks of a given size; the test is skipped where that is not permitted."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small disk is not permitted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
