from __future__ import annotations

import numpy as np
import torch

from scgde.nn.layers import weighted_mean


def test_weighted_mean_keeps_float32_precision_when_a_set_is_large() -> None:
    x = torch.randn(1, 200_000, 8, generator=torch.Generator().manual_seed(0)).cos()
    weights = torch.full((1, 200_000), 1 / 200_000)
    expected = np.average(x[0].double().numpy(), axis=0)
    np.testing.assert_allclose(weighted_mean(x, weights)[0].numpy(), expected, rtol=1e-6)
