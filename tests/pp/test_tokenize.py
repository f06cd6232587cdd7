from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from scgde import pp


@pytest.fixture
def adata():
    obs = pd.DataFrame({"cdr3": ["CASF", "CW", None, "CASSF"], "v": ["V2", "V10", "V2", "V2"]}, index=list("abcd"))
    return ad.AnnData(obs=obs)


def test_tokens_are_numbers_of_letters_with_zeros_behind_the_end(adata):
    pp.tokenize(adata, "cdr3", alphabet="ACFSW")
    assert adata.obsm["X_tokens"].dtype == np.uint8
    assert adata.obsm["X_tokens"].tolist() == [[2, 1, 4, 3, 0], [2, 5, 0, 0, 0], [0] * 5, [2, 1, 4, 4, 3]]
    assert adata.uns["X_tokens"] == {"alphabet": "ACFSW"}


def test_first_stands_in_front_as_one_token(adata):
    pp.tokenize(adata, "cdr3", alphabet="ACFSW", first_key="v", max_length=6, key_added="tcr")
    # Values in the order of their names: V10 is token 6, V2 token 7. The cell without a sequence has no gene either.
    assert adata.obsm["tcr"].tolist() == [
        [7, 2, 1, 4, 3, 0, 0],
        [6, 2, 5, 0, 0, 0, 0],
        [0] * 7,
        [7, 2, 1, 4, 4, 3, 0],
    ]
    assert adata.uns["tcr"]["first"].tolist() == ["V10", "V2"]
    assert adata.uns["tcr"]["first_column"] == "v"


@pytest.mark.parametrize(("alphabet", "text"), [("dna", "acgtACGT"), ("rna", "ACGU"), ("protein", "MKW")])
def test_named_alphabets_have_their_letters(alphabet, text):
    adata = ad.AnnData(obs=pd.DataFrame({"text": pd.Categorical([text, text[:1]])}, index=["a", "b"]))
    pp.tokenize(adata, "text", alphabet=alphabet)
    letters = adata.uns["X_tokens"]["alphabet"]
    assert "".join(letters[i - 1] for i in adata.obsm["X_tokens"][0]) == text.upper()


def test_lower_case_letters_are_others_where_the_alphabet_has_both():
    adata = ad.AnnData(obs=pd.DataFrame({"text": ["aA"]}, index=["a"]))
    pp.tokenize(adata, "text", alphabet="aA")
    assert adata.obsm["X_tokens"].tolist() == [[1, 2]]


def test_a_view_becomes_an_anndata_of_its_own(adata):
    view = adata[:2]
    pp.tokenize(view, "cdr3", alphabet="protein")
    assert not view.is_view
    assert "X_tokens" not in adata.obsm


@pytest.mark.parametrize(
    ("column", "options", "error", "message"),
    [
        (
            "cdr",
            {},
            KeyError,
            r"`sequence_key` must be a column of `adata.obs`, .* got 'cdr'. Columns: \['cdr3', 'v'\]",
        ),
        ("cdr3", {"first_key": "j"}, KeyError, r"`first_key` must be a column"),
        ("cdr3", {"alphabet": "dna"}, ValueError, r"3 sequences of 'cdr3' have others: 'FSW'.*`alphabet='ACGTFSW'`"),
        ("cdr3", {"alphabet": "AA"}, ValueError, "with each letter once, got 'AA'"),
        ("cdr3", {"alphabet": ["A"]}, TypeError, "or a text of letters"),
        ("cdr3", {"alphabet": "protein", "max_length": 4}, ValueError, "longest sequence, 5 letters, got 4, and 1"),
        ("empty", {}, ValueError, "must hold sequences, but 'empty' has none"),
        (
            "cdr3",
            {"alphabet": "protein", "first_key": "many"},
            ValueError,
            "At most 255 letters and values of `first_key`",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(adata, column, options, error, message):
    adata.obs["empty"], many = None, np.arange(300).astype(str)
    if "many" in options.values():
        adata = ad.AnnData(obs=pd.DataFrame({"cdr3": "A", "many": many}, index=many))
    elif column != "empty":
        del adata.obs["empty"]
    with pytest.raises(error, match=message):
        pp.tokenize(adata, column, **options)
    assert not adata.obsm
    assert not adata.uns


class Ragged:
    """Stands for an awkward array of lists or records, which are not required."""

    def __init__(self, **columns):
        self.columns, self.fields = columns, list(columns)

    def __getitem__(self, field):
        return Ragged(values=self.columns[field])

    def to_list(self):
        return self.columns["values"]


class Cells:
    """Stands for an AnnData with receptors, as scirpy keeps them."""

    obs = pd.DataFrame(index=["a", "b", "c"])
    obs_names = obs.index
    is_view = False

    def __init__(self):
        self.uns = {}
        self.obsm = {
            "airr": Ragged(junction_aa=[["CAV", "CASF"], ["CASSF"], []], v_call=[["TRAV1", "TRBV2"], ["TRBV3"], []]),
            "chain_indices": Ragged(VJ=[[0, None], [None, None], []], VDJ=[[1, None], [0, None], []]),
        }


def test_receptors_of_scirpy_are_read_where_they_are():
    cells = Cells()
    pp.tokenize(cells, "VDJ_1_junction_aa", alphabet="ACFS", first_key="VDJ_1_v_call")
    assert cells.obsm["X_tokens"].tolist() == [[5, 2, 1, 4, 3, 0], [6, 2, 1, 4, 4, 3], [0] * 6]
    assert cells.uns["X_tokens"]["first"].tolist() == ["TRBV2", "TRBV3"]


def test_fields_that_receptors_have_not_are_refused():
    with pytest.raises(KeyError, match=r"chain and field of `adata.obsm\['airr'\]`"):
        pp.tokenize(Cells(), "VDJ_1_clone", alphabet="protein")
