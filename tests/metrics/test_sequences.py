from __future__ import annotations

import functools

import numpy as np
import pytest

from scgde.metrics import edit_distance, kmer_distance


@functools.cache
def edits(a: str, b: str) -> int:
    """By the definition."""
    if not a or not b:
        return len(a) + len(b)
    same = int(a[-1] != b[-1])
    return min(edits(a[:-1], b) + 1, edits(a, b[:-1]) + 1, edits(a[:-1], b[:-1]) + same)


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    return ["", *("".join(rng.choice(list("ACG"), rng.integers(1, 9))) for _ in range(12))]


def test_edit_distance_is_the_number_of_edits(texts):
    expected = [[edits(a, b) for b in texts] for a in texts[:7]]
    found = edit_distance(texts[:7], texts)
    assert found.tolist() == expected
    assert found.dtype == np.int64


def test_edit_distance_is_a_metric(texts):
    distance = edit_distance(texts, texts)
    np.testing.assert_array_equal(distance, distance.T)
    assert (np.diag(distance) == 0).all()
    assert (distance[:, None] <= distance[:, :, None] + distance[None]).all()


@pytest.mark.parametrize(("n", "m"), [(0, 3), (3, 0)])
def test_edit_distance_of_no_texts_is_empty(n, m):
    assert edit_distance(["A"] * n, ["C"] * m).shape == (n, m)


def test_kmer_distance_is_half_the_differences_of_shares():
    assert kmer_distance(["ACGT"], ["ACGG"], k=2) == pytest.approx(1 / 3)
    assert kmer_distance(["AAAA", "C"], ["AAAA", "CC"], k=1) == pytest.approx(abs(1 / 5 - 2 / 6))


def test_kmer_distance_of_a_set_and_its_copies_is_zero_and_of_others_one(texts):
    assert kmer_distance(texts, texts[::-1] * 2) == pytest.approx(0)
    assert kmer_distance(["AAAA"], ["CCCC"]) == 1
    assert kmer_distance(texts[:7], texts) == kmer_distance(texts, texts[:7]) > 0


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="`b` must hold a text of at least 3 letters, got none"):
        kmer_distance(["ACGT"], ["AC"])
    with pytest.raises(TypeError, match="`a` must be a sequence of texts, got one text"):
        kmer_distance("ACGT", ["ACGT"])
