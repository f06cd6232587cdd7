"""Published tables are what the results files say, and each result says how it came about."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
FIELDS = {"command", "commit", "date", "device", "seconds", "seeds", "versions", "recorded"}

pytestmark = pytest.mark.skipif(not RESULTS.exists(), reason="benchmarks/ is not part of this distribution")


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def test_tables_match_results():
    command = [sys.executable, "-m", "benchmarks.table", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_each_result_has_its_provenance():
    tables, records = ({path.stem for path in RESULTS.glob(f"*.{kind}")} for kind in ("csv", "json"))
    assert tables == records
    for name in records:
        record = json.loads((RESULTS / f"{name}.json").read_text())
        assert set(record) - {"note", "joined"} == FIELDS
        assert record["command"].startswith("python benchmarks/")
        script = record["command"].split()[1]
        assert (ROOT / script).exists(), script


@pytest.mark.usefixtures("benchmarks")
def test_filled_replaces_only_what_is_between_markers():
    from benchmarks.table import filled

    page = "before 1\n<!-- table: a -->\nold 2\n<!-- /table -->\nafter 3\n"
    assert filled(page, {"a": "new"}) == page.replace("old 2", "new")


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize("tables", [{}, {"a": "x", "b": "y"}])
def test_filled_raises_when_markers_and_tables_differ(tables):
    from benchmarks.table import filled

    with pytest.raises(ValueError, match=r"must have a marker for each of .* got \['a'\]"):
        filled("<!-- table: a -->\n<!-- /table -->\n", tables)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "2.000"),
        ({"spread": True}, "2.000 (-1.000 to 3.000)"),
        ({"how": "max", "form": ".1%"}, "300.0 %"),
        ({"how": "range", "where": {"seed": [1, 2]}}, "2.000-3.000"),
        ({"how": "each", "form": ".0f"}, "-1, 2, 3"),
        ({"how": "single", "where": {"seed": 0}, "form": "+.1f"}, "-1.0"),
    ],
)
def test_value_aggregates_over_rows(monkeypatch, options, expected):
    import pandas as pd
    from benchmarks.tables import _declare

    table = pd.DataFrame({"seed": [0, 1, 2, 3], "score": [-1.0, 2.0, 3.0, None]})
    monkeypatch.setattr(_declare, "results", lambda name: table)
    assert str(_declare.Value("some", "score", **options)) == expected


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(("where", "how", "match"), [({"seed": 9}, "median", "got none"), ({}, "single", "got 2")])
def test_value_raises_when_rows_are_not_as_declared(monkeypatch, where, how, match):
    import pandas as pd
    from benchmarks.tables import _declare

    monkeypatch.setattr(_declare, "results", lambda name: pd.DataFrame({"seed": [0, 1], "score": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=match):
        str(_declare.Value("some", "score", where, how=how))


def test_command_of_joined_runs_has_all_seeds(benchmarks):
    from benchmarks.tables._declare import command

    runs = [f"python benchmarks/x.py --seeds {seed}:{seed + 1} --steps 9 --name x_{seed}" for seed in (4, 5)]
    record = {"command": runs[0], "seeds": [4, 5], "joined": [{"command": runs[1], "seeds": [5]}]}
    assert command(record) == "python benchmarks/x.py --steps 9 --seeds 4:6"
    assert command(record | {"joined": []}) == "python benchmarks/x.py --seeds 4:5 --steps 9"
    other = record | {"joined": [{"command": "python benchmarks/x.py --moments --name y", "seeds": [5]}]}
    assert command(other) == "python benchmarks/x.py --seeds 4:5 --steps 9"
