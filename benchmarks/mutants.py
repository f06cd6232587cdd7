"""Do the tests notice wrong code?

Changes one expression at a time in a copy of the package, and runs the fast tests of the files named with it. A mutant
that all tests pass on is a gap in the tests.

    python benchmarks/mutants.py               all mutants, some five minutes
    python benchmarks/mutants.py leak average  those whose names hold one of these words
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _common import report
from _mutants import MUTANTS, Mutant, mutated

ROOT = Path(__file__).parents[1]
#: Exit code of pytest when tests failed; anything else than this and 0 is an error of the probe.
FAILED = 1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("words", nargs="*", help="run only mutants whose names hold one of these")
    words = options.parse_args().words
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "src" / "scgde", Path(folder, "scgde"))
        rows = [probe(mutant, Path(folder)) for mutant in chosen]
    report(rows, "mutants" if not words else "mutants_some", accelerator="cpu")
    sys.exit(int(any(row["result"] != "noticed" for row in rows)))


def probe(mutant: Mutant, folder: Path) -> dict:
    """Run the tests of a mutant in a copy of the package, which is left as it was."""
    path, start = folder / "scgde" / mutant.file, time.perf_counter()
    content = path.read_text()
    path.write_text(mutated(content, mutant))
    try:
        result = run_tests(mutant.tests, folder)
    finally:
        path.write_text(content)
    print(f"{result:<10} {mutant.name}", flush=True)
    return {"mutant": mutant.name, "file": mutant.file, "result": result, "seconds": round(time.perf_counter() - start)}


def run_tests(tests: str, folder: Path) -> str:
    """``"noticed"`` where a test failed, ``"survived"`` where all passed, else ``"error"``."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests.split()]
    code = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode
    return {FAILED: "noticed", 0: "survived"}.get(code, "error")


if __name__ == "__main__":
    main()
