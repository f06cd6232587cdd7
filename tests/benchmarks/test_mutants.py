from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIST = ROOT / "benchmarks" / "_mutants.py"

if not LIST.exists():
    pytest.skip("benchmarks/ is not part of this distribution", allow_module_level=True)
spec = importlib.util.spec_from_file_location("_mutants", LIST)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


@pytest.mark.parametrize("mutant", module.MUTANTS, ids=[mutant.name for mutant in module.MUTANTS])
def test_mutants_are_of_the_present_code_and_name_tests_that_are_there(mutant):
    content = (ROOT / "src" / "scgde" / mutant.file).read_text()
    assert compile(module.mutated(content, mutant), mutant.file, "exec") is not None
    assert all((ROOT / path).exists() for path in mutant.tests.split())
