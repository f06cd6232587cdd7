from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scgde import datasets


@pytest.fixture(scope="module")
def cohort():
    return datasets.cytometry_cohort(20, n_cells=(100, 300))


def test_cytometry_cohort_is_reproducible_and_of_the_asked_size(cohort):
    again = datasets.cytometry_cohort(20, n_cells=(100, 300))
    np.testing.assert_array_equal(cohort.X, again.X)
    sizes = cohort.obs["donor"].value_counts()
    assert cohort.n_vars == 40
    assert len(sizes) == 20
    assert sizes.between(100, 300).all()
    assert (cohort.X >= 0).all()
    assert (datasets.cytometry_cohort(20, n_cells=(100, 300), seed=1).X[:5] != cohort.X[:5]).any()


def test_states_have_the_proportions_of_the_truth(cohort):
    found = pd.crosstab(cohort.obs["donor"], cohort.obs["state"], normalize="index")
    assert np.abs(found.to_numpy() - cohort.uns["truth"].to_numpy()).max() < 0.15


def test_donors_differ_by_more_than_the_cells_of_a_donor_in_some_directions(cohort):
    """The mean of a donor is not that of the cohort: a shift of its own, of the order of the spread of its cells."""
    x, codes = cohort.X.astype(float), cohort.obs["donor"].cat.codes.to_numpy()
    means = np.stack([x[codes == i].mean(axis=0) for i in range(20)])
    within = np.cov((x - means[codes]).T)
    between = np.cov(means.T)
    assert np.linalg.eigvalsh(between)[-1] > 0.5 * np.linalg.eigvalsh(within)[-1]


def test_cytometry_cohort_says_what_is_wrong():
    with pytest.raises(ValueError, match="`n_cells` must be"):
        datasets.cytometry_cohort(3, n_cells=(5, 2))
    with pytest.raises(ValueError, match="`n_markers`"):
        datasets.cytometry_cohort(3, n_markers=0)
