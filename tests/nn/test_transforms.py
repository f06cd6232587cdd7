from __future__ import annotations

import numpy as np
import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.transforms import TRANSFORMS, Affine, Identity

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
    assert ((distance < 1e-3) == same).all()


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
