from __future__ import annotations

import json

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from scgde import pp
from scgde.data.representations import REPRESENTATIONS, Tokens, Vectors

SEQUENCES = ["CASF", "CW", "CASSF", "FACE"]


@pytest.fixture
def make():
    """AnnData of sequences, tokenised."""

    def tokenized(sequences=SEQUENCES, first=None, **options):
        obs = pd.DataFrame({"text": sequences}, index=[f"cell_{i}" for i in range(len(sequences))])
        adata = ad.AnnData(obs=obs if first is None else obs.assign(v=first))
        pp.tokenize(adata, "text", **{"alphabet": "protein", "first_key": None if first is None else "v", **options})
        return adata

    return tokenized


def representation(adata):
    return Tokens.from_adata(adata, use_rep="X_tokens", layer=None)


def all_in_sets(adata):
    return np.zeros(adata.n_obs, dtype=int)


def test_an_entry_with_an_alphabet_declares_tokens(make):
    adata = make()
    assert Tokens.is_declared(adata, "X_tokens")
    assert not Tokens.is_declared(adata, None)
    del adata.uns["X_tokens"]
    assert not Tokens.is_declared(adata, "X_tokens")


def test_integers_without_an_alphabet_are_never_tokens(make):
    adata = make()
    del adata.uns["X_tokens"]
    with pytest.raises(TypeError, match="which may be tokens or counts"):
        Vectors.from_adata(adata, use_rep="X_tokens", layer=None)
    with pytest.raises(KeyError, match=r"with their alphabet in `adata\.uns"):
        representation(adata)


def test_spec_has_the_alphabet_and_what_stands_first(make):
    spec = representation(make(first=list("aabb"))).spec
    assert (spec.kind, spec.shape, spec.dtype) == ("tokens", (6,), torch.uint8)
    assert (spec.n_values, spec.n_first) == (23, 2)


def test_cells_are_read_without_a_copy(make):
    adata = make()
    assert representation(adata).read(adata) is adata.obsm["X_tokens"]


@pytest.mark.parametrize("first", [None, list("aabb")])
def test_generated_cells_are_text_again_and_are_read_as_they_were_made(make, first):
    adata = make(first=first)
    kind = representation(adata)
    again = kind.to_adata(adata.obsm["X_tokens"], adata.obs[[]])
    assert again.obs["sequence"].tolist() == SEQUENCES
    assert first is None or again.obs["v"].tolist() == first
    assert again.X is None
    np.testing.assert_array_equal(kind.read(again), adata.obsm["X_tokens"])
    assert representation(again) == kind


def test_what_is_stored_is_read_again(make):
    for first in (None, list("aabb")):
        kind = representation(make(first=first))
        config, arrays = kind.to_stored()
        assert REPRESENTATIONS["tokens"].from_stored(json.loads(json.dumps(config)), arrays) == kind


def test_other_padding_and_other_numbers_of_letters_are_translated(make):
    adata = make(first=list("aabb"))
    kind = representation(adata)
    new = make(SEQUENCES[:2], first=list("ba"), alphabet="FWSACE", max_length=9)
    read = kind.read(new)
    assert read.dtype == np.uint8
    assert read.shape == (2, 6)
    assert kind.alphabet.decode(read) == SEQUENCES[:2]
    assert kind.alphabet.decode_first(read).tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequences": ["CASSFF"]}, "at most 5 tokens a cell as the reference, got 6"),
        ({"sequences": ["CAX"], "alphabet": "ACX"}, r"letters that the reference has, got others: \['X'\]"),
        ({"sequences": ["CA"], "first": ["a"]}, r"got others: \['a'\]"),
    ],
)
def test_cells_that_the_reference_cannot_read_are_refused(make, options, message):
    kind = representation(make())
    with pytest.raises(ValueError, match=message):
        kind.read(make(**options))


def test_first_is_required_where_the_reference_has_it(make):
    kind = representation(make(first=list("aabb")))
    with pytest.raises(ValueError, match="must begin with 'v' where the reference does"):
        kind.read(make())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0, 0, 0, 0, 0], "but 1 have none. Leave them out"),
        ([1, 0, 2, 0, 0], "1 rows are no such sequences"),
        ([1, 21, 0, 0, 0], "must hold tokens below 21"),
    ],
)
def test_cells_of_sets_must_be_sequences(make, row, message):
    adata = make()
    adata.obsm["X_tokens"][2] = row
    kind = representation(adata)
    with pytest.raises(ValueError, match=message):
        kind.check(adata, all_in_sets(adata))
    kind.check(adata, np.array([0, 0, -1, 0]))


@pytest.mark.parametrize("row", [[1, 2, 3, 0, 0, 0], [21, 22, 3, 0, 0, 0], [0, 1, 2, 0, 0, 0]])
def test_what_stands_first_stands_there_alone(make, row):
    adata = make(first=list("aabb"))
    adata.obsm["X_tokens"][0] = row
    with pytest.raises(ValueError, match="1 rows are no such sequences"):
        representation(adata).check(adata, all_in_sets(adata))


@pytest.mark.parametrize("entry", [np.zeros((4, 3)), np.zeros((4, 3, 2), dtype=int)])
def test_entries_of_other_types_and_shapes_are_refused(make, entry):
    adata = make()
    adata.obsm["X_tokens"] = entry
    with pytest.raises(TypeError, match=r"must hold integers of shape \(n_obs, length\)"):
        representation(adata)


def test_tokens_on_disk_are_read_from_there(make, tmp_path):
    adata = make()
    with h5py.File(tmp_path / "tokens.h5", "w") as file:
        file["tokens"] = adata.obsm["X_tokens"]
        adata.obsm["X_tokens"] = file["tokens"]
        kind = representation(adata)
        kind.check(adata, all_in_sets(adata))
        assert isinstance(kind.read(adata), h5py.Dataset)


def test_ground_coordinates_are_counts_of_the_named_words(make):
    adata = make(first=list("aabb"), alphabet="ACEFSW")
    kind = representation(adata)
    transform = kind.transform(None).build()
    counts = pd.DataFrame(
        transform.ground(torch.from_numpy(adata.obsm["X_tokens"])[None])[0].numpy(), columns=kind.names
    )
    assert len(kind.names) == 6 + 36 + 216 + 2
    for (_, row), text, first in zip(counts.iterrows(), SEQUENCES, "aabb", strict=True):
        words = [text[i : i + k] for k in (1, 2, 3) for i in range(len(text) - k + 1)]
        assert row[row > 0].to_dict() == {word: words.count(word) for word in words} | {first: 1}


def test_options_of_vectors_are_refused(make):
    kind = representation(make())
    with pytest.raises(ValueError, match="`scaling` must be None for tokens"):
        kind.transform("common")
    with pytest.raises(ValueError, match="`decode=True` needs principal components"):
        kind.check_decodable()
