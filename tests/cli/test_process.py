from __future__ import annotations

import os
import signal
import sys

import pytest

from scgde.cli._process import in_own_process


def test_in_own_process_writes_files(tmp_path):
    in_own_process(lambda: (tmp_path / "file").write_text("whole"))
    assert (tmp_path / "file").read_text() == "whole"


def _fail():
    msg = "No space left\nfor anything"
    raise ValueError(msg)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no copies of processes")
def test_in_own_process_survives_failures_and_crashes():
    with pytest.raises(OSError, match=r"^ValueError: No space left$"):
        in_own_process(_fail)
    with pytest.raises(OSError, match="crashed, as HDF5 can on a full disk"):
        in_own_process(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(OSError, match="crashed"):
        in_own_process(lambda: os._exit(3))
