from __future__ import annotations

import inspect
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from scgde import datasets

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "tutorials").glob("*.ipynb"))


def test_tutorials_are_found():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_tutorial_stores_the_outputs_of_one_run_without_errors(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_tutorial_asks_a_question_and_asserts_its_finding_in_its_last_cell(path):
    cells = nbformat.read(path, as_version=4).cells
    assert "**Question.**" in cells[0].source
    assert "**Run time.**" in cells[0].source
    assert "## What to conclude" in "".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "assert " in cells[-1].source


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_tutorial_runs_on_a_reduced_budget(path, tmp_path, monkeypatch, data_dir, real_data):
    """Where a tutorial reads a real dataset that is absent, it is skipped."""
    monkeypatch.setenv("SCGDE_TUTORIAL_STEPS", "60")
    monkeypatch.setenv("SCGDE_DATA", str(data_dir))
    notebook = nbformat.read(path, as_version=4)
    source = "".join(cell.source for cell in notebook.cells)
    readers = [getattr(datasets, name) for name in re.findall(r"scgde\.datasets\.(\w+)\(\)", source)]
    for name in [*re.findall(r'DATA / "([^"]+)"', source), *(inspect.getmodule(reader).FILE for reader in readers)]:
        real_data(name)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
