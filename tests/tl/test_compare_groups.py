from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scgde import get, tl


def sets(group, *, shift=0.0, n_dims=4, seed=0, **obs):
    """Sets as observations; those of the last group are shifted along all dimensions."""
    rng, codes = np.random.default_rng(seed), pd.factorize(pd.Series(group), sort=True)[0]
    x = rng.normal(size=(len(codes), n_dims)) + shift * (codes == codes.max())[:, None]
    names = [f"d{i}" for i in range(len(codes))]
    return ad.AnnData(x, obs=pd.DataFrame({"group": group, **obs}, index=names))


def compare(adata, label_key="group", **options):
    return tl.compare_groups(adata, label_key, key=None, **options)


def test_compare_groups_of_few_sets_tries_all_labellings():
    result = compare(sets(["a"] * 5 + ["b"] * 4))
    assert (result.n_permutations, result.exact, len(result.null)) == (126, True, 126)
    assert result.p_value == (result.null >= result.statistic * (1 - 1e-8)).mean()
    assert result.p_value >= 1 / 126
    assert result.n_sets == {"a": 5, "b": 4}


def test_compare_groups_of_two_against_two_cannot_be_significant():
    assert compare(sets(["a", "a", "b", "b"], shift=100)).p_value == pytest.approx(1 / 3)


def test_compare_groups_of_one_dimension_agrees_with_the_t_test():
    """Exact permutation of the pseudo-F is that of the t statistic."""
    adata = sets(["a"] * 6 + ["b"] * 6, n_dims=1, shift=1.0)
    x = adata.X[:, 0]
    result = compare(adata, statistic="permanova")
    oracle = stats.permutation_test((x[:6], x[6:]), lambda a, b: a.mean() - b.mean(), n_resamples=10**6)
    assert result.exact
    assert result.statistic == pytest.approx(stats.ttest_ind(x[:6], x[6:]).statistic ** 2)
    assert result.p_value == pytest.approx(oracle.pvalue)


def test_compare_groups_samples_labellings_of_many_sets():
    adata = sets(["a", "b"] * 30, shift=2.0)
    result = compare(adata, n_permutations=99)
    assert (result.n_permutations, result.exact, result.p_value) == (99, False, 0.01)
    assert compare(adata, seed=3).p_value == compare(adata, seed=3).p_value
    assert (compare(adata, seed=3).null != compare(adata, seed=4).null).any()


@pytest.mark.parametrize("statistic", ["energy", "permanova"])
def test_compare_groups_keeps_its_level(statistic):
    p = [compare(sets(["a"] * 4 + ["b"] * 4 + ["c"] * 4, seed=i), statistic=statistic).p_value for i in range(150)]
    assert np.mean(np.array(p) < 0.1) == pytest.approx(0.1, abs=2.5 * (0.1 * 0.9 / 150) ** 0.5)


def test_effect_size_is_zero_on_average_where_groups_are_alike():
    sizes = [compare(sets(["a", "b"] * 4, seed=i)).effect_size for i in range(100)]
    assert np.mean(sizes) == pytest.approx(0, abs=2.5 * np.std(sizes) / 10)
    assert compare(sets(["a", "b"] * 4, shift=100)).effect_size > 0.95


def test_energy_finds_a_difference_in_spread_that_permanova_does_not():
    adata = sets(["a"] * 40 + ["b"] * 40)
    adata.X[40:] *= 5
    assert compare(adata).p_value < 0.01 < compare(adata, statistic="permanova").p_value


def test_blocks_are_taken_out():
    """A batch larger than the effect hides it, unless labels are permuted within batches."""
    batch = np.repeat(["x", "y", "z"], 8)
    adata = sets(np.tile(["a", "b"], 12), shift=1.5, batch=batch)
    adata.X += 20.0 * pd.factorize(batch)[0][:, None]
    assert compare(adata).p_value > 0.5
    assert compare(adata, block_key="batch").p_value < 0.01
    assert compare(adata, block_key=["batch"]).p_value == compare(adata, block_key="batch").p_value


def test_blocks_protect_from_a_batch_that_goes_along_with_the_groups():
    batch = np.array(["x"] * 8 + ["y"] * 8)
    adata = sets(["a"] * 7 + ["b"] + ["a"] + ["b"] * 7, batch=batch)
    adata.X += 10.0 * (batch == "y")[:, None]
    assert compare(adata).p_value < 0.05
    assert compare(adata, block_key="batch").p_value > 0.05


def test_pairs_find_a_small_change_between_unlike_donors():
    donors = np.repeat([f"p{i}" for i in range(8)], 2)
    adata = sets(np.tile(["before", "then"], 8), shift=1.5, patient=donors)
    adata.X += 10.0 * np.random.default_rng(1).normal(size=(8, 4)).repeat(2, axis=0)
    unpaired, paired = compare(adata), compare(adata, pair_key="patient")
    assert paired.p_value < 0.05 < unpaired.p_value
    assert (paired.n_permutations, paired.exact) == (2**8, True)
    # Labels and their mirror image are one tie.
    assert paired.p_value >= 2 / 2**8


def test_pairs_leave_out_sets_without_a_partner():
    adata = sets(
        ["a", "b", "a", "b", "a", "b", "a", "b", "a", "a"], patient=["p", "p", "q", "q", "r", "r", "s", *"tuu"]
    )
    result = compare(adata, pair_key="patient")
    assert (result.n_sets, result.n_left_out) == ({"a": 3, "b": 3}, 4)


def test_missing_values_are_left_out_and_counted():
    group = pd.Categorical(["a", None, "b", "a", "b", None, "a", "b"], categories=["b", "a", "unused"])
    adata = sets(["x"] * 8, label=group)
    result = compare(adata, "label")
    assert (result.n_sets, result.n_left_out) == ({"b": 3, "a": 3}, 2)
    assert result.statistic == compare(adata[adata.obs["label"].notna()], "label").statistic
    assert list(result.coordinates.index) == ["d0", "d2", "d3", "d4", "d6", "d7"]


def test_coordinates_keep_distances():
    adata = sets(["a", "b"] * 5, n_dims=2)
    points = compare(adata, statistic="permanova").coordinates[["x", "y"]].to_numpy()
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    np.testing.assert_allclose(distance, np.linalg.norm(adata.X[:, None] - adata.X, axis=2), atol=1e-10)


@pytest.mark.parametrize(
    "group", [[True, False] * 4, pd.array([1, 0] * 4), [1.0, 0.0] * 4, pd.Categorical(["x y", "z/w"] * 4, ordered=True)]
)
def test_compare_groups_takes_any_kind_of_two_values(group):
    expected = compare(sets(["b", "a"] * 4))
    result = compare(sets(["b", "a"] * 4, label=group), "label")
    assert (result.statistic, result.p_value) == (expected.statistic, expected.p_value)


def test_compare_groups_computes_other_distances_and_writes_none(fitted, unchanged):
    fitted.obs["half"] = np.where(fitted.obs["set"].cat.codes < 5, "a", "b")
    with unchanged(fitted):
        results = {metric: tl.compare_groups(fitted, "half", metric=metric) for metric in ("embedding", "energy")}
        tl.compare_all_groups(fitted, ["half"], metric="energy")
    assert "distances" not in fitted.uns["gde"]
    assert results["embedding"].statistic != results["energy"].statistic
    tl.distances(fitted, metric="energy")
    assert tl.compare_groups(fitted, "half", metric="energy").statistic == results["energy"].statistic


def test_compare_groups_reads_a_column_of_the_user_called_as_one_of_the_fit(fitted):
    """Not what the fit used each set for."""
    fitted.obs["split"] = fitted.obs["half"] = np.where(fitted.obs["set"].cat.codes < 5, "train", "test")
    assert (fitted.uns["gde"]["sets"]["split"] != "test").all()
    result, expected = (tl.compare_groups(fitted, name) for name in ("split", "half"))
    assert result.n_sets == expected.n_sets == {"test": 5, "train": 5}
    assert (result.statistic, result.p_value) == (expected.statistic, expected.p_value)


def test_compare_groups_of_sets_reads_obsm_and_obsp(fitted):
    adata = get.sets(fitted)
    adata.obs["half"] = ["a", "b"] * 5
    adata.obsm["X_other"] = adata.X[:, ::-1].copy()
    adata.obsp["d"] = tl.distances(fitted, metric="embedding").to_numpy()
    statistics = [compare(adata, "half", metric=metric).statistic for metric in ("embedding", "X_other", "d")]
    np.testing.assert_allclose(statistics, statistics[0], rtol=1e-5)
    fitted.obs["half"] = adata.obs["half"].reindex(fitted.obs["gde_set"].astype(str)).to_numpy()
    assert tl.compare_groups(fitted, "half").statistic == pytest.approx(statistics[0])


def test_compare_all_groups_gives_false_discovery_rates():
    adata = sets(["a", "b"] * 6, shift=3.0, other=["u", "v", "w"] * 4, site=["k"] * 6 + ["l"] * 6)
    table = tl.compare_all_groups(adata, ["group", "other", "site"], key=None)
    for name, row in table.iterrows():
        one = compare(adata, name)
        assert (row["statistic"], row["p_value"], row["n_groups"]) == (one.statistic, one.p_value, len(one.n_sets))
    np.testing.assert_allclose(table["q_value"], stats.false_discovery_control(table["p_value"]))


def test_compare_groups_says_what_is_wrong(fitted):
    adata = sets(["a", "b"] * 6, batch=["x", "y"] * 6, age=np.linspace(20, 60, 12), one="a")
    with pytest.raises(KeyError, match=r"`label_key` must name a column of the set table or of `adata.obs`, got 'x'"):
        compare(adata, "x")
    with pytest.raises(ValueError, match=r"but 'age' has amounts. Use `tl.associate`"):
        compare(adata, "age")
    with pytest.raises(ValueError, match=r"`label_key` must give two groups or more, .* of 'one' give \['a'\]"):
        compare(adata, "one")
    with pytest.raises(ValueError, match=r"`label_key` must vary within .* 'group' is constant in 2"):
        compare(adata, block_key="batch")
    with pytest.raises(ValueError, match=r"`statistic` must be one of \['energy', 'permanova'\]"):
        compare(adata, statistic="t")
    with pytest.raises(ValueError, match=r"`metric` must be one of"):
        compare(adata, metric="energy")
    with pytest.raises(KeyError, match=r"or `key=None` where observations are sets"):
        tl.compare_groups(adata, "group")
    fitted.obs["varies"] = np.arange(fitted.n_obs) % 2
    with pytest.raises(ValueError, match=r"constant within sets, but 'varies' varies in 10, such as \['set_0'"):
        tl.compare_groups(fitted, "varies")
    adata.X[0] = np.nan
    with pytest.raises(ValueError, match=r"Distances by `metric` must be finite"):
        compare(adata)
