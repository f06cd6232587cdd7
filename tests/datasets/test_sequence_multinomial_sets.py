from __future__ import annotations

import numpy as np
import pytest

from scgde import datasets


def test_shares_of_patterns_are_the_true_probabilities():
    adata = datasets.sequence_multinomial_sets(50, 400)
    p = adata.uns["truth"]["p"]
    found = np.stack(
        [adata.obs["pattern"].to_numpy().reshape(50, 400) == name for name in adata.uns["truth"]["patterns"]]
    )
    z = (found.sum(axis=2).T - 400 * p) / np.sqrt(400 * p * (1 - p) + 1e-9)
    assert np.abs(z).max() < 5
    assert 0.8 < z.std() < 1.2


def test_sequences_repeat_their_pattern_from_any_start():
    adata = datasets.sequence_multinomial_sets(4, 50, length=10)
    for text, pattern in zip(adata.obs["sequence"], adata.obs["pattern"], strict=True):
        assert len(text) == 10
        assert text in pattern * 4
    starts = {text[:4] for text, pattern in zip(adata.obs["sequence"], adata.obs["pattern"], strict=True)}
    assert len(starts) == 12


def test_random_patterns_differ_from_every_start():
    patterns = datasets.sequence_multinomial_sets(1, 1, patterns=30, seed=3).uns["truth"]["patterns"]
    assert len({text[i:] + text[:i] for text in patterns for i in range(4)}) == 120


def test_hidden_patterns_are_somewhere_among_random_bases():
    adata = datasets.sequence_multinomial_sets(2, 400, patterns=["AACCGGTT", "ACACGTGT"], length=40, hidden=True)
    for text, pattern in zip(adata.obs["sequence"], adata.obs["pattern"], strict=True):
        assert pattern in text
    places = [text.index(pattern) for text, pattern in zip(adata.obs["sequence"], adata.obs["pattern"], strict=True)]
    assert min(places) < 3
    assert max(places) > 29


def test_noise_replaces_bases_of_patterns():
    clean, noisy = (
        datasets.sequence_multinomial_sets(1, 2000, patterns=["ACGT"], length=4, noise=noise) for noise in (0.0, 0.2)
    )
    assert set(clean.obs["sequence"]) == {"ACGT", "CGTA", "GTAC", "TACG"}
    # A quarter of the replaced bases are what they were.
    kept = noisy.obs["sequence"].isin(clean.obs["sequence"].unique()).mean()
    assert kept == pytest.approx((1 - 0.2 * 3 / 4) ** 4, abs=0.06)


def test_one_seed_gives_one_data_set():
    first, again, other = (datasets.sequence_multinomial_sets(3, (5, 9), seed=seed) for seed in (1, 1, 2))
    assert first.obs.equals(again.obs)
    assert first.obs["sequence"].tolist() != other.obs["sequence"].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patterns": ["AC", "ACG"]}, "`patterns` must be texts of ACGT of equal length, at most 10"),
        ({"patterns": ["ACX"]}, "`patterns` must be texts"),
        ({"patterns": ["ACGT"], "length": 3}, "at most 3"),
        ({"patterns": 61}, "`patterns` must be at most 60"),
        ({"p": [[0.5, 0.2, 0.2]]}, r"`p` must hold probabilities of shape \(1, 3\)"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.sequence_multinomial_sets(1, 5, **options)
