from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Results of two runs of one benchmark."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import join

    monkeypatch.setattr(join, "RESULTS", tmp_path)
    for seed in (0, 1):
        pd.DataFrame({"seed": [seed], "score": [seed / 2]}).to_csv(tmp_path / f"run_{seed}.csv", index=False)
        record = {"commit": "abc", "date": "today", "device": "CPU", "seconds": 1.5, "seeds": [seed]}
        record |= {"command": f"python benchmarks/run.py --seeds {seed}:{seed + 1}", "recorded": "at run time"}
        (tmp_path / f"run_{seed}.json").write_text(json.dumps(record))
    return join.join


def test_joined_results_have_all_rows_and_the_provenance_of_each_run(runs, tmp_path):
    table = runs("run", ["run_0", "run_1"])
    assert table["score"].tolist() == [0.0, 0.5]
    assert {path.name for path in tmp_path.iterdir()} == {"run.csv", "run.json"}
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seeds"] == [0, 1]
    assert [record["command"][-3:], record["joined"][0]["command"][-3:]] == ["0:1", "1:2"]


def test_a_range_of_seeds_is_their_number_or_first_and_end(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from _common import seeds

    assert list(seeds("3")) == [0, 1, 2]
    assert list(seeds("3:5")) == [3, 4]
