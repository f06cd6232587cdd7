from __future__ import annotations

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from scipy import sparse

from scgde.data.representations import REPRESENTATIONS, Vectors
from scgde.nn.cells import CellSpec

ALL = np.zeros(30, dtype=int)


@pytest.fixture
def adata() -> ad.AnnData:
    """30 cells with nine genes of low rank, a layer, and two entries in ``obsm``."""
    rng = np.random.default_rng(0)
    x = 3 + rng.normal(size=(30, 3)) @ rng.normal(size=(3, 9)) + 0.1 * rng.normal(size=(30, 9))
    adata = ad.AnnData(x.astype(np.float32), var=pd.DataFrame(index=[f"gene{i}" for i in range(9)]))
    adata.obs_names = [f"cell{i}" for i in range(30)]
    adata.layers["scaled"] = 2 * adata.X
    adata.obsm["latent"] = rng.normal(size=(30, 2)).astype(np.float32)
    adata.obsm["frame"] = pd.DataFrame(adata.obsm["latent"], index=adata.obs_names, columns=["u", "v"])
    sc.pp.pca(adata, n_comps=4)
    return adata


def entry(adata, use_rep=None, layer=None):
    return Vectors.from_adata(adata, use_rep=use_rep, layer=layer)


ENTRIES = {
    "X": ({"use_rep": "X"}, lambda adata: adata.X, "`adata.X`"),
    "layer": ({"layer": "scaled"}, lambda adata: adata.layers["scaled"], "`adata.layers['scaled']`"),
    "obsm": ({"use_rep": "latent"}, lambda adata: adata.obsm["latent"], "`adata.obsm['latent']`"),
    "frame": ({"use_rep": "frame"}, lambda adata: adata.obsm["latent"], "`adata.obsm['frame']`"),
    "PCA": ({}, lambda adata: adata.obsm["X_pca"], "`adata.obsm['X_pca']`"),
}
EACH = pytest.mark.parametrize("kind", ENTRIES)


@EACH
def test_cells_are_those_of_the_entry(adata, kind):
    options, expected, label = ENTRIES[kind]
    vectors = entry(adata, **options)
    vectors.check(adata, ALL)
    np.testing.assert_array_equal(vectors.read(adata), expected(adata))
    assert vectors.spec == CellSpec.vectors(expected(adata).shape[1])
    assert vectors.label == label


def test_vectors_are_registered_and_name_registered_networks():
    assert REPRESENTATIONS["vectors"] is Vectors
    assert (Vectors.default_featurizer, Vectors.default_generator) == ("identity", "flow_matching")


def test_features_are_named_after_variables_or_the_entry(adata):
    assert entry(adata, "X").names == adata.var_names.tolist()
    assert entry(adata, "latent").names == ["latent_0", "latent_1"]
    assert Vectors.unnamed(3).names == ["0", "1", "2"]


def test_entry_is_x_where_there_are_no_principal_components(adata):
    del adata.obsm["X_pca"]
    assert entry(adata).use_rep == "X"


def test_variables_have_units_each_and_the_axes_of_an_entry_one():
    assert Vectors("X", None, ["a", "b"]).transform(None)[:3] == ("affine", CellSpec.vectors(2), {"method": "feature"})
    assert Vectors("latent", None, ["a"]).transform(None)[:3] == ("affine", CellSpec.vectors(1), {"method": "common"})
    assert Vectors("latent", None, ["a"]).transform("none").options == {"method": "none"}


@pytest.mark.parametrize(
    ("use_rep", "layer", "error", "match"),
    [
        ("umap", None, KeyError, r'`use_rep` must be "X" or name an entry of `adata.obsm`, got .*umap'),
        (None, "raw", KeyError, r"`layer` must name a layer of `adata`, got 'raw'. Layers: \['scaled'\]"),
        ("latent", "scaled", ValueError, "`use_rep` and `layer` exclude each other, got 'latent' and 'scaled'"),
    ],
)
def test_from_adata_refuses_entries_that_are_missing_or_too_many(adata, use_rep, layer, error, match):
    with pytest.raises(error, match=match):
        entry(adata, use_rep, layer)


def test_from_adata_requires_x_where_nothing_else_is_asked_for(adata):
    empty = ad.AnnData(obs=adata.obs, obsm={"latent": adata.obsm["latent"]})
    with pytest.raises(
        ValueError, match=r"`adata.X` or a `use_rep` is required, but X is None. Entries .*\['latent'\]"
    ):
        entry(empty)
    assert entry(empty, "latent").names == ["latent_0", "latent_1"]


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_integers_in_obsm_are_refused_with_the_kinds_of_cells(adata, dtype):
    adata.obsm["tokens"] = np.ones((30, 5), dtype=dtype)
    match = (
        rf"`adata.obsm\['tokens'\]` must hold vectors of real numbers, got integers of type {np.dtype(dtype)}, which "
        r"may be tokens or counts. Kinds of cells: \[.*'vectors'.*\]; choose one with `cells`, or, .*`.astype\(float\)`"
    )
    with pytest.raises(TypeError, match=match):
        entry(adata, "tokens")
    adata.obsm["tokens"] = adata.obsm["tokens"].astype(float)
    assert entry(adata, "tokens").spec == CellSpec.vectors(5)


def test_integers_in_x_are_vectors(adata):
    adata.X = adata.X.round().astype(int)
    assert entry(adata, "X").spec == CellSpec.vectors(9)


@pytest.mark.parametrize("shape", [(30, 1, 4, 5), (30, 4, 5), (30, 0)], ids=str)
def test_entries_that_are_no_vectors_are_refused_with_the_kinds_of_cells(adata, shape):
    adata.obsm["images"] = np.zeros(shape, dtype=np.float32)
    match = (
        r"The features in `adata.obsm\['images'\]` must have shape \(n_obs, n_features\), got \(30, .*\). "
        r"Kinds of cells: \[.*'vectors'.*\]; choose one that takes such entries with `cells`."
    )
    with pytest.raises(ValueError, match=match):
        entry(adata, "images")


def test_text_is_refused(adata):
    adata.obsm["text"] = np.full((30, 2), "a")
    with pytest.raises(TypeError, match=r"The features in `adata.obsm\['text'\]` must be numbers, got dtype <U1"):
        entry(adata, "text")


@EACH
def test_check_counts_cells_of_sets_that_are_not_finite(adata, kind):
    options, _, label = ENTRIES[kind]
    vectors, codes = entry(adata, **options), np.arange(30) % 3 - 1
    x = vectors.read(adata).copy()
    x[[0, 1, 2, 5], 1] = np.nan, np.nan, np.inf, -np.inf
    if options.get("use_rep") == "X":
        adata.X = x
    elif "layer" in options:
        adata.layers["scaled"] = x
    else:
        adata.obsm[vectors.use_rep] = x
    with pytest.raises(ValueError) as error:
        vectors.check(adata, codes)  # cell 0 is in no set
    assert str(error.value).startswith(f"The features in {label} must be finite, got NaN or infinity in 3 cells.")
    codes[[1, 2, 5]] = -1
    vectors.check(adata, codes)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "CSR"])
def test_variables_are_matched_by_name(adata, convert):
    vectors, expected = entry(adata, "X"), adata.X.copy()
    other = ad.AnnData(np.ones((30, 1), dtype=np.float32), obs=adata.obs, var=pd.DataFrame(index=["other"]))
    adata.X = convert(adata.X)
    new = ad.concat([adata[:, ::-1], other], axis="var")
    found = vectors.read(new)
    np.testing.assert_array_equal(found.toarray() if sparse.issparse(found) else found, expected)


def test_variables_that_are_missing_or_ambiguous_are_refused(adata):
    vectors = entry(adata, "X")
    with pytest.raises(KeyError, match=r"all variables of the reference, but 2 are missing: \['gene0', 'gene1'\]"):
        vectors.read(adata[:, 2:])
    adata.var_names = [*adata.var_names[:8], "gene0"]
    again = Vectors("X", None, ["gene0", "gene1"])
    with pytest.raises(ValueError, match=r"`adata.var_names` must be unique to be matched by name"):
        again.read(adata)


def test_an_entry_of_other_dimensions_is_refused(adata):
    vectors = entry(adata, "latent")
    adata.obsm["latent"] = np.zeros((30, 3), dtype=np.float32)
    with pytest.raises(ValueError, match=r"`adata.obsm\['latent'\]` must have 2 dimensions as in the reference, got 3"):
        vectors.read(adata)


def test_an_entry_that_is_missing_and_cannot_be_computed_is_refused(adata):
    vectors = entry(adata, "latent")
    del adata.obsm["latent"]
    with pytest.raises(KeyError, match=r"`adata.obsm` must hold 'latent', which the reference uses"):
        vectors.read(adata)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "CSR"])
def test_missing_principal_components_are_projected_from_variables_of_any_order(adata, convert):
    vectors, expected = entry(adata), adata.obsm["X_pca"]
    new = ad.AnnData(convert(adata.X[:, ::-1]), obs=adata.obs, var=adata.var[::-1])
    np.testing.assert_allclose(vectors.read(new), expected, atol=1e-4)
    vectors.check(new, ALL)


def test_components_of_another_pca_are_refused(adata):
    vectors = entry(adata)
    other = adata.copy()
    other.varm["PCs"] = other.varm["PCs"][:, ::-1].copy()
    with pytest.raises(
        ValueError, match=r"`adata.obsm\['X_pca'\]` must be in the principal components of the reference"
    ):
        vectors.read(other)
    shuffled = adata[:, ::-1].copy()  # the same loadings, of variables in another order
    np.testing.assert_array_equal(vectors.read(shuffled), adata.obsm["X_pca"])


def test_loadings_are_known_of_principal_components_only_and_where_they_explain_them(adata):
    assert entry(adata).loadings.genes == adata.var_names.tolist()
    assert entry(adata, "latent").loadings is entry(adata, "X").loadings is None
    adata.varm["PCs"] = adata.varm["PCs"][::-1].copy()
    assert entry(adata).loadings is None


@EACH
def test_generated_cells_come_as_an_anndata_with_names(adata, kind):
    options, expected, _ = ENTRIES[kind]
    vectors, obs = entry(adata, **options), pd.DataFrame({"donor": list("aabbc")}, index=list("vwxyz"))
    generated = vectors.to_adata(np.asarray(expected(adata))[:5], obs)
    assert generated.var_names.tolist() == vectors.names
    pd.testing.assert_frame_equal(generated.obs, obs)
    np.testing.assert_array_equal(generated.X, expected(adata)[:5])


@pytest.mark.parametrize("kind", ["X", "layer", "obsm", "PCA"])
def test_what_is_written_is_read_again(adata, kind):
    options, expected, _ = ENTRIES[kind]
    vectors = entry(adata, **options)
    generated = vectors.to_adata(np.asarray(expected(adata)), adata.obs)
    np.testing.assert_array_equal(Vectors("X", None, vectors.names).read(generated), expected(adata))


def test_decoded_cells_are_those_of_the_reconstruction(adata):
    vectors = entry(adata)
    vectors.check_decodable()
    decoded = vectors.to_adata(adata.obsm["X_pca"], adata.obs, decode=True)
    assert decoded.var_names.tolist() == adata.var_names.tolist()
    np.testing.assert_allclose(decoded.X, vectors.loadings.decode(adata.obsm["X_pca"]))
    np.testing.assert_allclose(vectors.loadings.project(decoded.X), adata.obsm["X_pca"], atol=1e-4)


@pytest.mark.parametrize("use_rep", ["X", "latent"])
def test_entries_without_loadings_cannot_be_decoded(adata, use_rep):
    with pytest.raises(
        ValueError, match=rf"`decode=True` needs a fit on `obsm\['X_pca'\]` .* got a fit on '{use_rep}'"
    ):
        entry(adata, use_rep).check_decodable()


@EACH
def test_stored_vectors_are_the_same_after_json(adata, kind):
    vectors = entry(adata, **ENTRIES[kind][0])
    config, arrays = vectors.to_stored()
    again = Vectors.from_stored(json.loads(json.dumps(config)), {name: x.copy() for name, x in arrays.items()})
    assert (again.use_rep, again.layer, again.names) == (vectors.use_rep, vectors.layer, vectors.names)
    assert again.transform(None) == vectors.transform(None)
    assert (again.loadings is None) == (vectors.loadings is None) == (kind != "PCA")
    for found, expected in zip(again.loadings or (), vectors.loadings or (), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(again.read(adata), vectors.read(adata))
