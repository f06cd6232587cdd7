from __future__ import annotations

import pytest
import torch

from scgde.nn.cells import CellSpec
from scgde.nn.featurizers import FEATURIZERS, MLP, Identity

CASES = [(name, kind) for name in FEATURIZERS for kind in sorted(FEATURIZERS[name].supports)]
SPECS = {
    "continuous": CellSpec.vectors(3),
    "counts": CellSpec("counts", (3,), torch.float32),
    "tokens": CellSpec("tokens", (7,), torch.int64, 4),
    "images": CellSpec("images", (2, 7, 8), torch.float32),
}


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_featurizer_sees_one_cell_at_a_time(name, kind, sample_cells):
    featurizer, x = FEATURIZERS[name](SPECS[kind]), sample_cells(SPECS[kind])
    features = featurizer(x)
    assert features.shape == (4, 6, featurizer.n_output)
    torch.testing.assert_close(featurizer(x[:, 4:5]), features[:, 4:5])


@pytest.mark.parametrize("name", [name for name in FEATURIZERS if "continuous" in FEATURIZERS[name].supports])
def test_featurizer_of_vectors_refuses_images(name):
    with pytest.raises(ValueError, match=rf"The featurizer `{name}` requires cells of shape \(G,\), got \(2, 7, 8\)"):
        FEATURIZERS[name](SPECS["images"])


def test_identity_costs_nothing(sample_cells):
    featurizer, x = Identity(SPECS["continuous"]), sample_cells(SPECS["continuous"])
    assert featurizer(x) is x
    assert featurizer.n_output == 3
    assert not featurizer.state_dict()


def test_mlp_without_layers_is_affine(sample_cells):
    featurizer, x = MLP(SPECS["continuous"], n_output=8, n_layers=0), sample_cells(SPECS["continuous"])
    middle = featurizer(0.5 * (x[:, :1] + x[:, 1:2]))
    torch.testing.assert_close(middle, 0.5 * (featurizer(x[:, :1]) + featurizer(x[:, 1:2])))


@pytest.mark.parametrize("name", ["kmer", "conv1d"])
def test_room_behind_the_end_of_a_sequence_changes_nothing(name):
    featurizer = FEATURIZERS[name](CellSpec("tokens", (12,), torch.int64, 5))
    x = torch.randint(1, 5, (2, 6, 7))
    x = x * (torch.arange(7) < torch.randint(1, 8, (2, 6, 1)))
    torch.testing.assert_close(featurizer(torch.nn.functional.pad(x, (0, 5))), featurizer(x), atol=1e-5, rtol=1e-5)
