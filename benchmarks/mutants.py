"""Do the tests notice wrong code?

Changes one expression at a time in a copy of the package, and runs the fast tests of the files named with it. A mutant
that all tests pass on is a gap in the tests.

    python benchmarks/mutants.py               all mutants, some five minutes
    python benchmarks/mutants.py leak average  those whose names hold one of these words
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import pytest

from _common import report
from _mutants import MUTANTS, Mutant, mutated

ROOT = Path(__file__).parents[1]
#: Exit codes of a process whose tests passed and failed; anything else is an error of the probe.
RESULTS = {10: "survived", 11: "noticed"}
#: Each mutant has a process of its own, which begins with the libraries imported, but not the package.
FORKS = multiprocessing.get_context("forkserver")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("words", nargs="*", help="run only mutants whose names hold one of these")
    words = options.parse_args().words
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    FORKS.set_forkserver_preload(["torch", "scvi", "scanpy"])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src" / "scgde", Path(folder, "scgde"))
        rows = [probe(mutant, Path(folder)) for mutant in chosen]
        unchanged = control(chosen, Path(folder))
    report([*rows, unchanged], "mutants" if not words else "mutants_some", accelerator="cpu")
    sys.exit(int(unchanged["result"] != "survived" or any(row["result"] != "noticed" for row in rows)))


def control(mutants: list[Mutant], folder: Path) -> dict:
    """The tests of all mutants pass on the copy as it is; else it would prove nothing that they fail."""
    start, tests = time.perf_counter(), dict.fromkeys(path for mutant in mutants for path in mutant.tests.split())
    return _row(Mutant("none", "", "", "", " ".join(tests)), folder, start)


def probe(mutant: Mutant, folder: Path) -> dict:
    """Run the tests of a mutant in a copy of the package, which is left as it was."""
    path, start = folder / "scgde" / mutant.file, time.perf_counter()
    content = path.read_text()
    path.write_text(mutated(content, mutant))
    try:
        return _row(mutant, folder, start)
    finally:
        path.write_text(content)


def _row(mutant: Mutant, folder: Path, start: float) -> dict:
    result = run_tests(mutant.tests, folder)
    print(f"{result:<10} {mutant.name}", flush=True)
    return {"mutant": mutant.name, "file": mutant.file, "result": result, "seconds": round(time.perf_counter() - start)}


def run_tests(tests: str, folder: Path) -> str:
    """``"noticed"`` where a test failed, ``"survived"`` where all passed, else ``"error"``."""
    process = FORKS.Process(target=_pytest, args=(tests.split(), folder))
    process.start()
    process.join()
    return RESULTS.get(process.exitcode or 0, "error")


def _pytest(tests: list[str], folder: Path) -> None:
    """Run tests of the copy of the package, in a process of its own."""
    os.chdir(ROOT)
    os.environ |= {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode, sys.path[:0] = True, [str(folder), str(ROOT)]
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    if Path(import_module("scgde").__file__ or "").parents[1] != folder:
        sys.exit("Another copy of the package was imported.")
    options = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    sys.exit(10 + pytest.main([*options, *tests]))


if __name__ == "__main__":
    main()
