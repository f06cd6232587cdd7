from __future__ import annotations

import torch

from scgde.nn.kmers import kmer_codes, longest_kmer


def test_codes_number_the_kmers_of_letters_and_skip_all_else():
    # Letters 1 to 3; 4 is no letter, 0 the end.
    code, inside = kmer_codes(torch.tensor([4, 1, 3, 2, 0, 0]), 2, 3)
    assert inside.tolist() == [False, True, True, False, False]
    assert code[inside].tolist() == [0 * 3 + 2, 2 * 3 + 1]


def test_codes_of_all_kmers_are_all_numbers():
    x = torch.cartesian_prod(*[torch.arange(1, 5)] * 3)
    code, inside = kmer_codes(x, 3, 4)
    assert inside.all()
    assert code[:, 0].tolist() == list(range(64))


def test_sequences_shorter_than_k_have_none():
    code, inside = kmer_codes(torch.ones(2, 3, dtype=torch.int64), 4, 4)
    assert code.shape == inside.shape == (2, 0)


def test_longest_kmer_is_that_of_which_there_are_few_enough():
    assert longest_kmer(4, at_most=3, max_count=1024) == 3
    assert longest_kmer(20, at_most=3, max_count=1024) == 2
    assert longest_kmer(50, at_most=3, max_count=1024) == 1
