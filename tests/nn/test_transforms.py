from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.transforms import TRANSFORMS, Affine, Channels, Identity, ground_shape

SPECS = {
    "vectors": CellSpec.vectors(3),
    "images": CellSpec("images", (1, 4, 5), torch.float32),
    "counts": CellSpec("counts", (6,), torch.float32),
    "tokens": CellSpec("tokens", (7,), torch.int64, 4),
}
CASES = [(name, kind) for name in TRANSFORMS for kind in SPECS if SPECS[kind].kind in TRANSFORMS[name].supports]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_restore_is_the_inverse_of_target(name, kind, sample_cells):
    spec = SPECS[kind]
    transform, x = TRANSFORMS[name](spec), sample_cells(spec)
    transform.fit(iter(x))
    assert transform.target(x).shape == x.shape
    torch.testing.assert_close(transform.restore(transform.target(x)), x)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_ground_is_one_vector_a_cell_and_the_same_cell_has_distance_zero(name, kind, sample_cells):
    spec = SPECS[kind]
    transform, x = TRANSFORMS[name](spec), sample_cells(spec)
    transform.fit(iter(x))
    ground = transform.ground(x)
    assert ground.shape[:2] == x.shape[:2]
    assert ground.is_floating_point()
    distance = torch.cdist(ground, ground)
    same = (x[:, :, None] == x[:, None]).flatten(3).all(-1)
    assert (distance[same] < 1e-3).all()
    # Counts of words do not tell all sequences apart, but most.
    assert (distance[~same] > 1e-3).float().mean() > (0.9 if name == "kmer_counts" else 0.999)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_what_was_fitted_is_in_the_state(name, kind, sample_cells):
    spec = SPECS[kind]
    transform, other, x = TRANSFORMS[name](spec), TRANSFORMS[name](spec), sample_cells(spec)
    transform.fit(iter(x))
    other.load_state_dict(transform.state_dict())
    assert torch.equal(other.encoder_input(x), transform.encoder_input(x))


def test_ground_of_tokens_counts_the_positions_that_differ():
    ground = Identity(SPECS["tokens"]).ground(torch.tensor([[[0, 1, 2, 3, 0, 0, 0], [0, 1, 2, 3, 1, 2, 0]]]))
    assert float((ground[0, 0] - ground[0, 1]).square().sum()) == 2 * 2


@pytest.fixture
def cells():
    x = np.random.default_rng(0).normal([1, -2, 3], [0.5, 2, 0], size=(30, 3))
    return torch.tensor(x, dtype=torch.float32)


def fitted(x, method, *, n_blocks=1):
    transform = Affine(CellSpec.vectors(x.shape[1]), method=method)
    transform.fit(x.chunk(n_blocks))
    return transform


def test_feature_scaling_gives_each_feature_unit_variance(cells):
    scaled = fitted(cells, "feature").encoder_input(cells).numpy()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0)[:2], 1, rtol=1e-5)


def test_common_scaling_keeps_proportions(cells):
    transform = fitted(cells, "common")
    assert np.ptp(transform.scale.numpy()) == 0
    np.testing.assert_allclose(transform.encoder_input(cells).numpy().var(axis=0).mean(), 1, rtol=1e-5)


def test_no_scaling_leaves_features(cells):
    transform = fitted(cells, "none")
    assert transform.center.tolist() == [0, 0, 0]
    assert transform.scale.tolist() == [1, 1, 1]


@pytest.mark.parametrize("method", ["feature", "common"])
def test_scaling_of_constant_features_is_one(method):
    transform = fitted(torch.full((60, 2), 4.0), method)
    assert transform.center.tolist() == [4, 4]
    assert transform.scale.tolist() == [1, 1]


@pytest.mark.parametrize("method", ["feature", "common"])
def test_fit_from_blocks_equals_that_in_one_go(cells, method):
    at_once, in_blocks = fitted(cells, method), fitted(cells, method, n_blocks=7)
    torch.testing.assert_close(in_blocks.center, at_once.center, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(in_blocks.scale, at_once.scale, rtol=1e-6, atol=1e-7)


def test_affine_refuses_an_unknown_method():
    with pytest.raises(ValueError, match=r"`method` must be one of \['common', 'feature', 'none'\], got 'rank'"):
        Affine(CellSpec.vectors(2), method="rank")


@pytest.fixture
def photos():
    """Images of two channels of different levels and contrasts, ``(40, 2, 6, 5)``."""
    level, contrast = np.array([10.0, 200.0])[:, None, None], np.array([2.0, 40.0])[:, None, None]
    x = np.random.default_rng(0).normal(size=(40, 2, 6, 5)) * contrast + level
    return torch.tensor(x, dtype=torch.float32)


def fitted_to_images(x, method="feature"):
    transform = Channels(CellSpec("images", tuple(x.shape[1:]), x.dtype), method=method)
    transform.fit(x.chunk(3))
    return transform


def test_channels_have_one_centre_and_scale_each(photos):
    scaled = fitted_to_images(photos).encoder_input(photos).numpy()
    np.testing.assert_allclose(scaled.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=(0, 2, 3)), 1, rtol=1e-4)
    assert scaled.mean(axis=0).std() > 0.01  # pixels are not centred one by one


def test_channels_keep_their_contrasts_in_common_units_or_without(photos):
    common, none = (fitted_to_images(photos, method).encoder_input(photos).numpy() for method in ("common", "none"))
    for scaled in (common, none):
        ratio = scaled[:, 1].std() / scaled[:, 0].std()
        np.testing.assert_allclose(ratio, photos[:, 1].std() / photos[:, 0].std(), rtol=1e-5)
    np.testing.assert_array_equal(none, photos.numpy())


def test_whole_numbers_and_half_floats_are_scaled_as_real_numbers_are(photos):
    exact = photos.round().clamp(0, 255)
    expected = fitted_to_images(exact).encoder_input(exact)
    for dtype in (torch.uint8, torch.float16):
        seen = fitted_to_images(exact.to(dtype)).encoder_input(exact.to(dtype))
        assert seen.dtype == torch.float32
        torch.testing.assert_close(seen, expected)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (2, 64, 64), (3, 33, 50), (300, 4, 4)], ids=str)
def test_ground_has_at_most_256_averages_of_pixels(shape):
    transform = Channels(CellSpec("images", shape, torch.float32))
    ground = transform.ground(torch.ones(2, 3, *shape))
    assert ground.shape == (2, 3, np.prod(ground_shape(shape)))
    assert ground.shape[-1] <= max(256, shape[0])
    torch.testing.assert_close(ground, torch.ones_like(ground))


def test_ground_averages_blocks_of_pixels():
    x = torch.arange(32 * 32.0).reshape(1, 1, 1, 32, 32)
    expected = x.reshape(16, 2, 16, 2).mean((1, 3)).flatten()
    torch.testing.assert_close(Channels(CellSpec("images", (1, 32, 32), torch.float32)).ground(x)[0, 0], expected)


def test_ground_has_the_unit_of_its_pixels_where_channels_share_one(photos):
    gray = photos[:, :1]
    assert fitted_to_images(gray).ground_scale == pytest.approx(float(gray.std(correction=0)), rel=1e-4)
    assert fitted_to_images(photos).ground_scale == 1
    assert fitted_to_images(photos, "common").ground_scale > 1


def test_constant_channels_are_left_in_their_units():
    transform = fitted_to_images(torch.full((5, 1, 4, 4), 3.0))
    assert (float(transform.center), float(transform.scale)) == (3, 1)
