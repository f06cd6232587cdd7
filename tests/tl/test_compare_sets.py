from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scgde.tl import compare_all_sets, compare_sets

COLUMNS = ["a", "b", "n_components", "statistic", "df", "p_value", "q_value"]


def embedded(sets):
    """Sets ``(m, E)`` embedded by the mean of their cells, of which the covariance is known."""
    unknown = np.full((sets[0].shape[1],) * 2, np.nan)
    covariance = [np.cov(x.T).reshape(unknown.shape) / len(x) if len(x) > 1 else unknown for x in sets]
    table = pd.DataFrame({"n_cells": [len(x) for x in sets]}, index=[f"s{i}" for i in range(len(sets))])
    content = {"embedding": np.stack([x.mean(axis=0) for x in sets]), "covariance": np.stack(covariance)}
    arrays = {name: np.asarray(value, dtype=np.float32) for name, value in content.items()}
    return ad.AnnData(uns={"gde": {"sets": table, **arrays}})


def some_sets(sizes, *, n_dims=6, between=1.0, seed=0):
    """Sets of unequal axes; the first two have one mean."""
    rng = np.random.default_rng(seed)
    means = between * rng.normal(size=(len(sizes), n_dims))
    means[1] = means[0]
    axes = np.exp(-np.arange(n_dims) / 2)
    return [(mean + rng.standard_normal((size, n_dims))) * axes for mean, size in zip(means, sizes, strict=True)]


def squared_distance(result, difference):
    """Of a difference to that of the sets, along the tested axes in the metric of its covariance."""
    error = result.directions.T @ (result.difference - difference)
    return error @ np.linalg.solve(result.directions.T @ result.covariance @ result.directions, error)


def p_values(sizes, n, **kwargs):
    return np.array([compare_sets(embedded(some_sets(sizes, seed=i, **kwargs)), "s0", "s1").p_value for i in range(n)])


def test_compare_sets_of_one_axis_is_the_test_of_student():
    sets = some_sets([20, 50, 30], n_dims=1)
    result = compare_sets(embedded(sets), "s0", "s2")
    expected = stats.ttest_ind(sets[0][:, 0], sets[2][:, 0])
    assert result.p_value == pytest.approx(expected.pvalue, rel=1e-3)
    assert result.df == (1, pytest.approx(expected.df, rel=1e-3))


def test_compare_sets_gives_difference_and_covariance():
    adata = embedded(some_sets([40] * 5))
    result = compare_sets(adata, "s3", "s1")
    z, covariance = adata.uns["gde"]["embedding"], adata.uns["gde"]["covariance"]
    np.testing.assert_allclose(result.difference, z[3] - z[1], rtol=1e-6)
    np.testing.assert_allclose(result.covariance, covariance[3] + covariance[1], atol=1e-6)
    np.testing.assert_allclose(result.directions.T @ result.directions, np.eye(result.df[0]), atol=1e-12)
    # Of sets of one size, the pooled covariance is that of the difference.
    assert result.statistic == pytest.approx(squared_distance(result, np.zeros(6)))


def test_compare_sets_does_not_depend_on_the_order_of_the_two():
    adata = embedded(some_sets([40, 60, 30, 80, 25]))
    there, back = compare_sets(adata, "s2", "s4"), compare_sets(adata, "s4", "s2")
    assert there.p_value == pytest.approx(back.p_value)
    np.testing.assert_allclose(there.difference, -back.difference)


def test_compare_sets_finds_a_shift():
    sets = some_sets([100] * 10)
    sets[1] = sets[1] + [1.0, 0, 0, 0, 0, 0]
    assert compare_sets(embedded(sets), "s0", "s1").p_value < 0.01


# Where all sets are alike, the axes of all sets would be those of the noise in the two that are compared.
@pytest.mark.parametrize(("sizes", "between"), [([30, 30], 0), ([30, 100], 0), ([40] * 5, 0), ([40] * 5, 2)])
def test_compare_sets_keeps_its_level_with_few_sets(sizes, between):
    assert np.mean(p_values(sizes, 200, between=between) < 0.05) < 0.05 + 2.5 * (0.05 * 0.95 / 200) ** 0.5


def test_compare_sets_takes_axes_from_the_other_sets():
    adata = embedded(some_sets([50] * 8))
    before = compare_sets(adata, "s0", "s1").directions
    adata.uns["gde"]["embedding"][:2] += 100
    np.testing.assert_allclose(compare_sets(adata, "s0", "s1").directions, before, rtol=1e-4, atol=1e-4)
    others = adata.uns["gde"]["embedding"][2:]
    leading = np.linalg.svd(others - others.mean(axis=0), full_matrices=False)[2][0]
    assert abs(leading @ before[:, 0]) > 0.99


@pytest.mark.parametrize(("n_cells", "k"), [(4, 1), (19, 1), (20, 2), (59, 5), (60, 6), (1000, 6)])
def test_compare_sets_tests_an_axis_for_every_ten_cells(n_cells, k):
    adata = embedded(some_sets([n_cells, n_cells, 100, 100]))
    assert compare_sets(adata, "s0", "s1", n_components=6).df[0] == k
    assert compare_sets(adata, "s0", "s1", n_components=2).df[0] == min(k, 2)


UNEQUAL = [((20, 1000), 1), ((30, 1000), 1), ((60, 1000), 2), ((100, 1000), 2), ((150, 1000), 3), ((30, 40), 3)]


@pytest.mark.parametrize(("sizes", "k"), UNEQUAL)
def test_compare_sets_tests_fewer_axes_of_sets_of_unequal_sizes(sizes, k):
    adata = embedded(some_sets([*sizes, 100, 100]))
    assert compare_sets(adata, "s0", "s1", n_components=6).df[0] == k
    assert compare_sets(adata, "s1", "s0", n_components=6).df[0] == k


def test_compare_sets_tests_axes_with_most_of_the_variance():
    rng = np.random.default_rng(0)
    flat = [np.outer(rng.normal(), [10.0, 0, 0]) + 0.1 * rng.standard_normal((100, 3)) for _ in range(20)]
    assert compare_sets(embedded(flat), "s0", "s1").df[0] == 1


def test_radius_is_that_of_regions_that_cover_the_true_difference():
    """Also where the two populations differ in shape, and the test pools what differs."""
    rng, covered = np.random.default_rng(0), []
    for _ in range(300):
        others = [2 * rng.normal(size=3) + rng.standard_normal((40, 3)) for _ in range(4)]
        few, many = rng.standard_normal((40, 3)), 5 + 0.2 * rng.standard_normal((200, 3))
        result = compare_sets(embedded([few, many, *others]), "s0", "s1")
        covered.append(squared_distance(result, -5 * np.ones(3)) < result.radius() ** 2)
    assert np.mean(covered) == pytest.approx(0.95, abs=2.5 * (0.05 * 0.95 / 300) ** 0.5)


def test_compare_sets_says_that_one_cell_has_no_standard_error():
    adata = embedded(some_sets([50, 1, 50, 50]))
    result = compare_sets(adata, "s0", "s1")
    assert np.isnan([result.statistic, result.p_value, result.df[1]]).all()
    assert result.note == "No test: ['s1'] has one cell, and no standard error."
    assert np.isfinite(result.difference).all()
    assert compare_sets(adata, "s0", "s2").note == ""
    assert np.isfinite(compare_sets(adata, "s0", "s2").p_value)


def test_compare_sets_of_known_populations_is_certain():
    """A covariance of zero: every cell of both populations was measured."""
    adata = embedded(some_sets([50] * 4))
    adata.uns["gde"]["covariance"][:] = 0
    assert compare_sets(adata, "s0", "s2").p_value < 1e-12
    adata.uns["gde"]["embedding"][3] = adata.uns["gde"]["embedding"][2]
    assert compare_sets(adata, "s2", "s3").p_value == 1


def test_compare_sets_takes_a_singular_covariance():
    sets = some_sets([80] * 5, n_dims=3)
    doubled = embedded([np.concatenate([x, x[:, :1]], axis=1) for x in sets])
    assert 0 < compare_sets(doubled, "s0", "s1", n_components=4).p_value < 1


def test_compare_all_sets_agrees_with_compare_sets():
    adata = embedded(some_sets([12, 25, 1, 60, 400, 33]))
    table = compare_all_sets(adata)
    assert table.columns.tolist() == COLUMNS
    assert len(table) == 15
    for row in table.itertuples():
        one = compare_sets(adata, row.a, row.b)
        assert row.n_components == one.df[0]
        expected = [one.statistic, one.df[1], one.p_value]
        np.testing.assert_allclose([row.statistic, row.df, row.p_value], expected, rtol=1e-6)


def test_compare_all_sets_gives_false_discovery_rates_of_tested_pairs():
    table = compare_all_sets(embedded(some_sets([12, 25, 1, 60])))
    untested = (table["a"] == "s2") | (table["b"] == "s2")
    assert table.loc[untested, ["statistic", "p_value", "q_value"]].isna().all(axis=None)
    tested = table[~untested]
    np.testing.assert_allclose(tested["q_value"], stats.false_discovery_control(tested["p_value"]))


def test_compare_all_sets_of_single_cells_tests_nothing():
    assert compare_all_sets(embedded(some_sets([1, 1, 1])))[["p_value", "q_value"]].isna().all(axis=None)


def test_compare_all_sets_makes_few_false_discoveries():
    rng = np.random.default_rng(0)
    means = np.repeat([[0.0, 0, 0], [4.0, 0, 0]], 10, axis=0)
    table = compare_all_sets(embedded([mean + rng.standard_normal((50, 3)) for mean in means]))
    group = {f"s{i}": i < 10 for i in range(20)}
    differ = table["a"].map(group) != table["b"].map(group)
    found = table["q_value"] < 0.05
    assert found[differ].all()
    assert (found & ~differ).sum() < 0.1 * found.sum()


def test_compare_all_sets_takes_hundreds_of_sets():
    adata = embedded(some_sets([30] * 300, n_dims=4))
    assert len(compare_all_sets(adata)) == 300 * 299 // 2


def test_compare_sets_leaves_the_data_as_it_was():
    adata = embedded(some_sets([30] * 4))
    before = adata.copy()
    compare_all_sets(adata)
    assert list(adata.uns["gde"]) == list(before.uns["gde"])
    for name in ("embedding", "covariance"):
        np.testing.assert_array_equal(adata.uns["gde"][name], before.uns["gde"][name])


def test_compare_sets_says_what_is_wrong():
    adata = embedded(some_sets([30] * 4))
    with pytest.raises(KeyError, match=r"`a` and `b` must name fitted sets, got \['x'\]. Some sets: \['s0', "):
        compare_sets(adata, "x", "s0")
    with pytest.raises(ValueError, match=r"`a` and `b` must be two sets, got 's0' twice"):
        compare_sets(adata, "s0", "s0")
    with pytest.raises(ValueError, match=r"`n_components` must be at least 1, got 0"):
        compare_sets(adata, "s0", "s1", n_components=0)
    with pytest.raises(ValueError, match=r"Two sets or more are required, got \['s0'\]"):
        compare_all_sets(embedded([np.ones((5, 2))]))
    del adata.uns["gde"]["covariance"]
    with pytest.raises(KeyError, match=r"`scgde.tl.uncertainty` writes"):
        compare_all_sets(adata)
