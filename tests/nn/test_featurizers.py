from __future__ import annotations

import inspect

import pytest
import torch

from scgde.nn.encoders import ENCODERS
from scgde.nn.featurizers import FEATURIZERS, MLP

EXCHANGEABLE = [name for name in ENCODERS if "featurizer" in inspect.signature(ENCODERS[name]).parameters]


def cells() -> torch.Tensor:
    return torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", list(FEATURIZERS))
@pytest.mark.parametrize("n_layers", [0, 2])
def test_featurizer_sees_one_cell_at_a_time(name: str, n_layers: int) -> None:
    featurizer, x = FEATURIZERS[name](3, 8, n_layers=n_layers), cells()
    features = featurizer(x)
    assert features.shape == (2, 6, 8)
    torch.testing.assert_close(featurizer(x[:, 4:5]), features[:, 4:5])


def test_mlp_without_layers_is_affine() -> None:
    featurizer, x = MLP(3, 8), cells()
    middle = featurizer(0.5 * (x[:, :1] + x[:, 1:2]))
    torch.testing.assert_close(middle, 0.5 * (featurizer(x[:, :1]) + featurizer(x[:, 1:2])))


@pytest.mark.parametrize("featurizer", list(FEATURIZERS))
@pytest.mark.parametrize("name", EXCHANGEABLE)
def test_encoder_takes_any_featurizer(name: str, featurizer: str) -> None:
    encoder = ENCODERS[name](3, 4, n_hidden=16, featurizer=featurizer, featurizer_kwargs={"n_layers": 1})
    parts = [part for part in encoder.modules() if isinstance(part, FEATURIZERS[featurizer])]
    assert len(parts) == 1
    assert encoder(cells(), torch.full((2, 6), 1 / 6)).shape == (2, 4)


def test_encoder_refuses_an_unknown_featurizer() -> None:
    with pytest.raises(ValueError, match=r"`featurizer` must be one of \['fourier', 'mlp'\], got 'cnn'"):
        ENCODERS["deep_sets"](3, 4, featurizer="cnn")
