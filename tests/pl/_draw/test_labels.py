from __future__ import annotations

from scgde.pl._draw.labels import shorten_distinctly


def test_shorten_distinctly_leaves_out_what_all_share():
    long = [f"a clone of the second experiment {i} of many" for i in range(12)]
    assert shorten_distinctly(long) == [f"…{i}…" for i in range(12)]
    assert shorten_distinctly(["a", "b"]) == ["a", "b"]
    assert len(set(shorten_distinctly([f"{i} clone of the second experiment" for i in range(12)]))) == 12
