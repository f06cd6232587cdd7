from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from scgde.nn.cells import CellSpec
from scgde.nn.generators import FlowMatching
from scgde.predictors._base import PREDICTORS
from scgde.predictors._network import NetworkPredictor

if TYPE_CHECKING:
    from scgde.predictors._inputs import Inputs

#: The mean is that of so many draws, the same for every call.
_MEAN_DRAWS = 256


@PREDICTORS.register("flow")
class Flow(NetworkPredictor):
    """Conditional flow from noise to target embeddings: the generator of cells, with embeddings for cells.

    Parameters
    ----------
    n_hidden, n_layers
        Of the backbone.
    max_steps
        Optimiser steps at most.
    """

    def __init__(self, *, n_hidden: int = 64, n_layers: int = 2, max_steps: int = 2000) -> None:
        super().__init__(n_hidden=n_hidden, n_layers=n_layers, max_steps=max_steps)

    def make_network(self, n_input: int, n_embed: int) -> FlowMatching:
        size = {name: self.options[name] for name in ("n_hidden", "n_layers")}
        return FlowMatching(CellSpec.vectors(n_embed), n_input, backbone_kwargs=size)

    def losses(self, network: Any, x: Tensor, target: Tensor) -> Tensor:
        return network.loss(target[:, None], torch.ones(len(x), 1), x)

    @torch.no_grad()
    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
        network: Any = self._read_network()
        return network.sample(torch.from_numpy(inputs.joined), n_draws, rng=noise).numpy()

    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        return self.draw_targets(inputs, _MEAN_DRAWS, np.random.default_rng(0)).mean(axis=1)
