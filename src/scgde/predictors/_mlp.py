from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from scgde.predictors._base import PREDICTORS
from scgde.predictors._network import NetworkPredictor

if TYPE_CHECKING:
    from scgde.predictors._inputs import Inputs


@PREDICTORS.register("mlp")
class MLP(NetworkPredictor):
    """Perceptron, trained on squared errors: a point, not a distribution.

    Parameters
    ----------
    n_hidden
        Width of its two layers.
    max_steps
        Optimiser steps at most.
    """

    def __init__(self, *, n_hidden: int = 64, max_steps: int = 1000) -> None:
        super().__init__(n_hidden=n_hidden, max_steps=max_steps)

    def make_network(self, n_input: int, n_embed: int) -> nn.Module:
        width = self.options["n_hidden"]
        layers = [nn.Linear(n_input, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, n_embed)]
        return nn.Sequential(*layers)

    def losses(self, network: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        return (network(x) - target).square().mean(dim=-1)

    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        return np.repeat(self.mean_targets(inputs)[:, None], n_draws, axis=1)

    @torch.no_grad()
    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        return self._read_network()(torch.from_numpy(inputs.joined)).numpy()
