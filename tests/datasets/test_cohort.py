from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from scgde import datasets
from scgde.datasets._cohort import ATTRIBUTES


@pytest.fixture(scope="module")
def adata():
    return datasets.cohort()


@pytest.fixture(scope="module")
def truth(adata):
    return adata.uns["truth"]


def _donor_means(adata, genes, cells=slice(None)):
    """Mean log expression by donor and gene."""
    part = adata[cells, genes]
    return pd.DataFrame(part.X.toarray()).groupby(part.obs["donor"].to_numpy()).mean()


def _without_batch(means, truth):
    batch = truth.loc[means.index, "batch"].to_numpy()
    return means - means.groupby(batch).transform("mean")


def _auroc(score, positive):
    auroc = stats.mannwhitneyu(score[positive], score[~positive]).statistic / (positive.sum() * (~positive).sum())
    return max(auroc, 1 - auroc)


def test_cohort_has_the_documented_shape(adata, truth):
    assert adata.n_vars == 200
    assert list(adata.obs) == ["donor", "cell_type", *ATTRIBUTES]
    sizes = adata.obs["donor"].value_counts()
    assert len(sizes) == 60
    assert sizes.between(20, 400).all()
    counts = adata.layers["counts"]
    assert sparse.issparse(counts)
    assert np.issubdtype(counts.dtype, np.integer)
    assert counts.min() == 0
    assert list(truth.index) == list(adata.obs["donor"].cat.categories)


def test_cohort_attributes_are_constant_within_donors(adata, truth):
    per_donor = adata.obs.groupby("donor", observed=True)[list(ATTRIBUTES)]
    assert per_donor.nunique().eq(1).all(axis=None)
    pd.testing.assert_frame_equal(per_donor.first().set_axis(truth.index), truth[list(ATTRIBUTES)])


def test_cohort_attributes_are_independent(truth):
    codes = truth[list(ATTRIBUTES)].apply(lambda c: c if c.name == "severity" else c.cat.codes)
    correlation = codes.corr(method="spearman").to_numpy()
    # Four standard errors of a rank correlation of 60 donors.
    assert np.abs(correlation - np.eye(5)).max() < 4 / np.sqrt(60)


def test_cohort_cells_follow_the_true_proportions(adata, truth):
    observed = pd.crosstab(adata.obs["donor"], adata.obs["cell_type"])
    expected = truth[list(observed)].mul(observed.sum(axis=1), axis=0)
    z = (observed - expected) / np.sqrt(expected * (1 - truth[list(observed)]))
    assert 0.7 < z.to_numpy().std() < 1.3


def test_cohort_composition_shows_in_cell_type_shares(adata, truth):
    share = pd.crosstab(adata.obs["donor"], adata.obs["cell_type"], normalize="index")["type_c"]
    assert _auroc(share.to_numpy(), (truth["composition"] == "high_c").to_numpy()) > 0.95


def test_cohort_shift_shows_within_cell_types(adata, truth):
    genes = (adata.var["program"] == "shift").to_numpy()
    for cell_type in ("type_a", "type_b"):
        means = _without_batch(_donor_means(adata, genes, adata.obs["cell_type"] == cell_type), truth)
        shifted = (truth.loc[means.index, "shift"] == "shifted").to_numpy()
        direction = means[shifted].mean() - means[~shifted].mean()
        assert _auroc((means @ np.sign(direction)).to_numpy(), shifted) > 0.95


def test_cohort_dispersion_shows_in_spread_and_not_in_means(adata, truth):
    genes = (adata.var["program"] == "dispersion").to_numpy()
    x, donor = adata[:, genes].X.toarray(), adata.obs["donor"].to_numpy()
    wide = (truth["dispersion"] == "wide").to_numpy()
    # The first principal component is the program; its variance by donor is the oracle.
    centered = x - x.mean(axis=0)
    activity = centered @ np.linalg.svd(centered[::5], full_matrices=False)[2][0]
    spread = pd.Series(activity).groupby(donor).std().to_numpy()
    assert _auroc(spread, wide) > 0.99

    counts = np.asarray(adata.layers["counts"][:, genes].sum(axis=1)).ravel()
    mean = pd.Series(counts).groupby(donor).mean()
    assert abs(np.log(mean[wide].mean() / mean[~wide].mean())) < 0.1


def test_cohort_severity_shows_in_one_cell_type_only(adata, truth):
    genes = (adata.var["program"] == "severity").to_numpy()
    correlation = {}
    for cell_type in ("type_a", "type_b"):
        means = _without_batch(_donor_means(adata, genes, adata.obs["cell_type"] == cell_type), truth)
        severity = truth.loc[means.index, "severity"]
        slope = np.array([stats.linregress(severity, means[gene]).slope for gene in means])
        halves = means @ np.sign(slope)
        correlation[cell_type] = (stats.spearmanr(halves, severity).statistic, np.abs(slope).mean())
    assert correlation["type_a"][0] > 0.9
    assert correlation["type_b"][1] < 0.3 * correlation["type_a"][1]


def test_cohort_batch_moves_every_gene(adata, truth):
    none = (adata.var["program"] == "none").to_numpy()
    means = _donor_means(adata, none)
    batch = truth.loc[means.index, "batch"].to_numpy()
    p = np.array([stats.f_oneway(*(means.loc[batch == b, gene] for b in np.unique(batch))).pvalue for gene in means])
    assert (p < 0.05).mean() > 0.8


def test_cohort_leaves_out_the_nuisance_when_there_is_one_batch():
    adata = datasets.cohort(6, n_genes=20, n_cells=(5, 10), n_batches=1)
    assert set(adata.obs["batch"]) == {"batch_0"}


@pytest.mark.parametrize(("choices", "name"), [({"n_donors": 1}, "n_donors"), ({"n_genes": 5}, "n_genes")])
def test_cohort_raises_when_arguments_are_too_small(choices, name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least"):
        datasets.cohort(**choices)
