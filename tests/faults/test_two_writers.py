"""Two processes that write one output: it is whole, and one of them says that it was taken."""

from __future__ import annotations

import anndata as ad
import pytest

from scgde import datasets

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("options", [[], ["--overwrite"]], ids=["new", "overwrite"])
def test_two_fits_with_one_output_leave_it_whole(start, tmp_path, options):
    cells, output = tmp_path / "cells.h5ad", tmp_path / "out" / "fitted.h5ad"
    output.parent.mkdir()
    datasets.gaussian_sets(10, (20, 30), 20, df=30, seed=0).write_h5ad(cells)
    logs, processes = [], []
    for number in range(2):
        temporary = tmp_path / f"temporary{number}"
        temporary.mkdir()
        logs.append(tmp_path / f"log{number}")
        arguments = ["fit", str(cells), "-g", "set", "-o", str(output), "--max-steps", "300", "--accelerator", "cpu"]
        processes.append(start("command_line", [*arguments, *options], logs[-1], temporary))
    for process in processes:
        process.join(300)
    text = "".join(log.read_text() for log in logs)
    assert sorted(process.exitcode for process in processes) == ([0, 0] if options else [0, 2])
    assert [path.name for path in output.parent.iterdir()] == ["fitted.h5ad"]
    assert "gde" in ad.read_h5ad(output).uns
    assert text.count("Error: `--output` could not be written") == (0 if options else 1)
    assert "Traceback" not in text
    kept = [path for number in range(2) for path in (tmp_path / f"temporary{number}").iterdir()]
    assert len(kept) == (0 if options else 1)
