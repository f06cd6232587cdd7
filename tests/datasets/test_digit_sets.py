from __future__ import annotations

import numpy as np
import pytest

from scgde import datasets


def test_digit_sets_are_images_in_the_shares_promised():
    shares = np.array([[1, 0, 0], [0, 0.5, 0.5]])
    adata = datasets.digit_sets(2, 400, digits=(3, 5, 7), shares=shares, seed=0)
    assert adata.X is None
    assert adata.obsm["X_images"].shape == (800, 1, 8, 8)
    assert adata.obsm["X_images"].dtype == np.uint8
    assert adata.obsm["X_images"].max() == 16
    np.testing.assert_array_equal(adata.uns["truth"]["p"], shares)
    observed = [(adata.obs["digit"].to_numpy().reshape(2, 400) == digit).mean(axis=1) for digit in "357"]
    np.testing.assert_allclose(np.stack(observed, axis=1), shares, atol=0.06)


def test_parts_have_no_image_in_common_and_make_up_all():
    pools = [
        {image.tobytes() for image in datasets.digit_sets(1, 5000, digits=(1, 2), part=part).obsm["X_images"]}
        for part in ("even", "odd", "all")
    ]
    assert len(pools[0]) > 150
    assert not pools[0] & pools[1]
    assert pools[0] | pools[1] == pools[2]


def test_digit_sets_depend_on_the_seed_only():
    first, again, other = (datasets.digit_sets(3, (2, 9), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.obsm["X_images"], again.obsm["X_images"])
    assert first.n_obs == again.n_obs
    assert not np.array_equal(first.uns["truth"]["p"], other.uns["truth"]["p"])
    assert first.obs["set"].value_counts().between(2, 9).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"digits": (0, 0)}, "`digits` must be two or more different ones of 0 to 9"),
        ({"digits": (1,)}, "`digits` must be two or more different ones of 0 to 9"),
        ({"digits": (1, 10)}, "`digits` must be two or more different ones of 0 to 9"),
        ({"shares": [[1, 1, 0]]}, r"`shares` must be 1 rows of 3 shares that sum to 1"),
        ({"part": "half"}, "`part` must be one of"),
    ],
)
def test_digit_sets_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        datasets.digit_sets(1, 5, **options)
