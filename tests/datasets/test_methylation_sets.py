from __future__ import annotations

import numpy as np
import pytest

from scgde import datasets


def states(adata, letter):
    return np.array([[base == letter for base in text] for text in adata.obs["sequence"]])


def test_sites_are_those_of_the_region():
    adata = datasets.methylation_sets(2, 2, 500, n_regions=20, n_markers=2)
    is_site, region = ~states(adata, "N"), adata.obs["region"].cat.codes.to_numpy()
    for code in range(20):
        of_region = is_site[region == code]
        assert (of_region == of_region[0]).all()
        assert 6 <= of_region[0].sum() <= 12


def test_marker_regions_are_unmethylated_in_their_tissue_alone():
    adata = datasets.methylation_sets(3, 4, 3000, n_regions=60, n_markers=10, error=0.0)
    markers = adata.uns["truth"]["markers"]
    tissue, region = (adata.obs[name].cat.codes.to_numpy() for name in ("tissue", "region"))
    unmethylated = ~states(adata, "C").any(axis=1)
    assert len(np.unique(markers)) == 30
    for i, own in enumerate(markers):
        inside = np.isin(region, own)
        assert abs(unmethylated[inside & (tissue == i)].mean() - 0.9) < 0.06
        assert unmethylated[inside & (tissue != i)].mean() < 0.1


def test_errors_are_at_sites_only():
    clean, noisy = (datasets.methylation_sets(2, 2, 400, n_regions=60, error=error) for error in (0.0, 0.1))
    is_site = ~states(clean, "N")
    assert (is_site == ~states(noisy, "N")).all()
    assert abs((states(clean, "C") != states(noisy, "C"))[is_site].mean() - 0.1) < 0.01


def test_refuses_more_markers_than_regions():
    with pytest.raises(ValueError, match=r"n_regions.* at least n_tissues \* n_markers = 300, got 299"):
        datasets.methylation_sets(n_regions=299)
