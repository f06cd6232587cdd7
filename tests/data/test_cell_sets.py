from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from scgde.data import CellSets, CellView, check_entries, column_of_sets
from scgde.data._datamodule import gather_cells
from scgde.data.representations import Vectors
from scgde.nn.cells import Measure, SetBatch
from scgde.sets import group_cells


@pytest.fixture
def adata() -> ad.AnnData:
    """40 cells of donors d0 to d3, five of which have no donor, with X of three and two entries of other dimensions."""
    rng = np.random.default_rng(0)
    donor = [*rng.permutation(np.repeat(["d2", "d0", "d3", "d1"], [12, 10, 8, 5])).tolist(), *[None] * 5]
    obs = pd.DataFrame({"donor": donor}, index=[f"cell{i}" for i in range(40)])
    adata = ad.AnnData(rng.normal(size=(40, 3)).astype(np.float32), obs=obs)
    adata.obsm["latent"] = rng.normal(size=(40, 2)).astype(np.float32)
    adata.layers["scaled"] = 2 * adata.X
    adata.obs["age"] = adata.obs["donor"].map({"d0": 20.0, "d1": 31.0, "d2": 44.0, "d3": np.nan})
    return adata


@pytest.fixture
def grouping(adata):
    return group_cells(adata.obs, "donor", min_cells=1)


def entry(adata, use_rep="X", layer=None):
    return Vectors.from_adata(adata, use_rep=use_rep, layer=layer)


@pytest.fixture
def cells(adata, grouping):
    return CellSets.from_grouping(adata, grouping, entry(adata))


def test_from_grouping_holds_the_cells_of_each_set(adata, grouping, cells):
    assert cells.names.tolist() == ["d0", "d1", "d2", "d3"]
    for i, name in enumerate(cells.names):
        rows = cells.index.rows(i)
        np.testing.assert_array_equal(rows, np.flatnonzero(adata.obs["donor"] == name))
        np.testing.assert_array_equal(cells.encoder.store.rows(rows), adata.X[rows])
    assert cells.table is grouping.table


def test_from_grouping_reads_and_models_the_same_cells_by_default(adata, grouping):
    vectors = entry(adata)
    for cells in (CellSets.from_grouping(adata, grouping, vectors, target) for target in (None, vectors)):
        assert cells.target is cells.encoder


def test_gather_cells_gives_each_view_its_own_representation(adata, grouping):
    cells = CellSets.from_grouping(adata, grouping, entry(adata, "latent"), entry(adata))
    read, modelled = torch.tensor([[0, 39], [3, 3]]), torch.tensor([[1], [7]])
    weights = torch.full((2, 2), 0.5), torch.ones(2, 1)
    batch = SetBatch(Measure(read, weights[0]), Measure(modelled, weights[1]), torch.arange(2), 0, {})
    gathered = gather_cells(cells, batch)
    np.testing.assert_array_equal(gathered.encoder.x, adata.obsm["latent"][read.numpy()])
    np.testing.assert_array_equal(gathered.target.x, adata.X[modelled.numpy()])
    assert (cells.encoder.representation.spec.shape, cells.target.representation.spec.shape) == ((2,), (3,))


def test_a_view_of_a_few_cells_reads_those_of_the_representation(adata):
    view = CellView.open(adata, entry(adata, layer="scaled"), all_rows=False)
    np.testing.assert_array_equal(view.store.rows(np.array([5, 1])), 2 * adata.X[[5, 1]])


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({}, lambda adata: adata.X),
        ({"use_rep": "latent"}, lambda adata: adata.obsm["latent"]),
        ({"layer": "scaled"}, lambda adata: adata.layers["scaled"]),
    ],
    ids=["X", "obsm", "layer"],
)
def test_from_registered_agrees_with_a_grouping_and_writes_nothing(adata, grouping, options, read):
    before = adata.copy()
    cells = CellSets.from_registered(adata, set_key="donor", **options)
    assert cells.names.tolist() == grouping.table.index.tolist()
    for i in range(4):
        np.testing.assert_array_equal(cells.index.rows(i), np.flatnonzero(grouping.codes == i))
    np.testing.assert_array_equal(cells.encoder.store.rows(np.arange(40)), read(adata))
    pd.testing.assert_frame_equal(adata.obs, before.obs)
    assert (list(adata.uns), list(adata.obsm)) == ([], ["latent"])


def test_from_registered_takes_the_representation_of_a_model(adata):
    new = adata[:, ::-1].copy()
    cells = CellSets.from_registered(new, set_key="donor", representation=entry(adata))
    np.testing.assert_array_equal(cells.encoder.store.rows(np.arange(40)), adata.X)


@pytest.mark.parametrize(
    ("entries", "error", "match"),
    [
        (("clone", None, None), KeyError, r"`set_key` must name an entry of `adata.obs`, got 'clone'"),
        (("donor", "umap", None), KeyError, r"`use_rep` .* `adata.obsm`, got 'umap'. Entries: \['latent'\]"),
        (("donor", None, "raw"), KeyError, r"`layer` .* `adata.layers`, got 'raw'. Entries: \['scaled'\]"),
        (
            ("donor", "latent", "scaled"),
            ValueError,
            "`use_rep` and `layer` exclude each other, got 'latent' and 'scaled'",
        ),
    ],
)
def test_entries_that_are_missing_or_too_many_are_refused(adata, entries, error, match):
    with pytest.raises(error, match=match):
        check_entries(adata, *entries)
    check_entries(adata, "donor", "latent", None)


def test_rows_of_named_sets_are_in_the_order_asked_for(cells):
    assert cells.rows_of(["d3", "d0", "d3"], "sets").tolist() == [3, 0, 3]
    assert cells.rows_of([], "sets").tolist() == []


def test_rows_of_unknown_sets_are_refused_with_the_name_of_the_argument(cells):
    with pytest.raises(KeyError, match=r"`source` must name sets, got \['d9'\]. Some sets: \['d0', 'd1', 'd2', 'd3'\]"):
        cells.rows_of(["d1", "d9"], "source")


def test_weights_are_in_the_order_of_the_sets_with_mean_one(cells):
    given = {"d2": 2.0, "d0": 1.0, "d3": 4.0, "d1": 1.0, "other": 9.0}
    for weights in (given, pd.Series(given)):
        np.testing.assert_allclose(cells.weights(weights), [0.5, 0.5, 1, 2])
    assert cells.weights(None) is None


@pytest.mark.parametrize(
    ("weights", "error", "match"),
    [
        ({"d0": 1, "d2": 1}, KeyError, r"`set_weights` must hold a weight for each set, got none for \['d1', 'd3'\]"),
        (
            {"d0": 1, "d1": 0, "d2": 1, "d3": 1},
            ValueError,
            "`set_weights` must be positive and finite, got 0.0 for 'd1'",
        ),
        ({"d0": 1, "d1": 1, "d2": np.inf, "d3": 1}, ValueError, "positive and finite, got inf for 'd2'"),
        ({"d0": np.nan, "d1": 1, "d2": 1, "d3": 1}, ValueError, "positive and finite, got nan for 'd0'"),
    ],
)
def test_weights_say_what_is_wrong(cells, weights, error, match):
    with pytest.raises(error, match=match):
        cells.weights(weights)


def test_split_by_a_column_is_that_of_the_column(cells):
    column = pd.Series(["train", "validation", "x", "train"], index=cells.names, name="fold")
    split = cells.split(column, fraction=0.5, seed=0)
    assert (split.train.tolist(), split.validation.tolist()) == ([0, 3], [1])


def test_split_at_random_depends_on_fraction_and_seed(cells):
    splits = [cells.split(fraction=0.25, seed=seed) for seed in range(20)]
    assert {len(split.validation) for split in splits} == {1}
    assert {int(split.validation[0]) for split in splits} == {0, 1, 2, 3}
    assert len(cells.split(fraction=0.0, seed=0).validation) == 0


@pytest.mark.parametrize("seed", range(5))
def test_split_at_random_separates_no_links(cells, seed):
    split = cells.split(fraction=0.5, seed=seed, links=np.array([[0, 3], [1, 2]]))
    assert sorted(map(sorted, (split.train.tolist(), split.validation.tolist()))) == [[0, 3], [1, 2]]


def test_split_says_what_is_wrong(cells):
    column = pd.Series(["train", "train", "test", "train"], index=cells.names, name="fold")
    with pytest.raises(ValueError, match=r"`validation_fraction` must be a number in \[0, 1\], got 2"):
        cells.split(fraction=2, seed=0)
    with pytest.raises(ValueError, match='value "train" for at least two sets'):
        cells.split(column.replace("train", "x"), fraction=0.5, seed=0)
    with pytest.raises(ValueError, match=r"'fold' divides \['d2', 'd3'\]"):
        cells.split(column, fraction=0.5, seed=0, groups=np.array([0, 1, 2, 2]))
    assert cells.split(column, fraction=0.5, seed=0, groups=np.array([0, 1, 2, 3])).train.tolist() == [0, 1, 3]


def test_digest_is_that_of_sets_cells_and_arrays(adata, grouping, cells):
    again = CellSets.from_grouping(adata, grouping, entry(adata))
    assert cells.digest(np.arange(3)) == again.digest(np.arange(3))
    adata.X = adata.X + np.eye(len(adata))[np.flatnonzero(grouping.codes == 2)[0]][:, None]
    moved = CellSets.from_grouping(adata, grouping, entry(adata))
    renamed = grouping._replace(table=grouping.table.rename(index={"d0": "other"}))
    swapped, codes = ([np.flatnonzero(grouping.codes == i)[0] for i in (0, 1)], grouping.codes.copy())
    codes[swapped] = 1, 0  # the sizes of sets stay
    others = [CellSets.from_grouping(adata, g, entry(adata)) for g in (renamed, grouping._replace(codes=codes))]
    digests = [
        moved.digest(),
        cells.digest(),
        cells.digest(np.arange(3)),
        cells.digest(np.arange(4)),
        *(one.digest() for one in others),
    ]
    assert len(set(digests)) == len(digests)


def test_column_of_sets_has_one_value_for_each(adata, grouping):
    column = column_of_sets(adata.obs, grouping, "age", "label_key")
    assert column.index.equals(grouping.table.index)
    np.testing.assert_array_equal(column, [20, 31, 44, np.nan])
    assert column_of_sets(adata.obs, grouping, None, "label_key") is None
    adata.obs["varies"] = np.arange(40)
    with pytest.raises(ValueError, match="`label_key` must name a column that is constant within sets, but 'varies'"):
        column_of_sets(adata.obs, grouping, "varies", "label_key")
