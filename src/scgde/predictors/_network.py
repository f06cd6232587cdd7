from __future__ import annotations

import copy
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from scgde.nn.stored_weights import check_weights
from scgde.predictors._base import Predictor
from scgde.predictors._choose import N_FOLDS, folds
from scgde.train import seeded

if TYPE_CHECKING:
    from scgde.predictors._inputs import Inputs

_BATCH = 128
_STEPS_PER_VALIDATION, _PATIENCE = 20, 10
_LR, _WEIGHT_DECAY = 2e-3, 1e-3


class NetworkPredictor(Predictor):
    """Predictor that is a network, trained until the loss of held-out groups no longer falls.

    Parameters
    ----------
    max_steps
        Optimiser steps at most.
    """

    def __init__(self, *, max_steps: int, **options: Any) -> None:
        super().__init__(max_steps=max_steps, **options)

    @abstractmethod
    def make_network(self, n_input: int, n_embed: int) -> nn.Module:
        """A network with fresh weights."""

    @abstractmethod
    def losses(self, network: nn.Module, x: Tensor, target: Tensor) -> Tensor:
        """Loss of each pair, shape ``(n,)``."""

    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        x, y = torch.from_numpy(inputs.joined), torch.from_numpy(target.astype(np.float32))
        held = torch.from_numpy(folds(groups, N_FOLDS, rng) == 0)
        # One group cannot be split.
        train = ~held if (~held).any() else held
        with seeded(int(rng.integers(2**31))):
            network = self.make_network(x.shape[1], y.shape[1])
            self._train(network, (x[train], y[train]), (x[held], y[held]))
        self.arrays = {f"network.{name}": value.numpy() for name, value in network.state_dict().items()}

    def _train(self, network: nn.Module, train: tuple[Tensor, Tensor], held: tuple[Tensor, Tensor]) -> None:
        """Leave the weights with the lowest held-out loss in ``network``."""
        optimizer = torch.optim.AdamW(network.parameters(), lr=_LR, weight_decay=_WEIGHT_DECAY)
        best, n_since, state = float("inf"), 0, copy.deepcopy(network.state_dict())
        for step in range(1, self.options["max_steps"] + 1):
            rows = torch.randint(len(train[0]), (min(_BATCH, len(train[0])),))
            loss = self.losses(network, train[0][rows], train[1][rows]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % _STEPS_PER_VALIDATION:
                continue
            score, n_since = self._score(network, *held), n_since + 1
            if score < best:
                best, n_since, state = score, 0, copy.deepcopy(network.state_dict())
            if n_since == _PATIENCE:
                break
        network.load_state_dict(state)

    @torch.no_grad()
    def _score(self, network: nn.Module, x: Tensor, target: Tensor) -> float:
        # The same noise each time, and some of it for each pair.
        with seeded(0):
            return float(self.losses(network, x.repeat(4, 1), target.repeat(4, 1)).mean())

    def check_arrays(self, n_embed: int, n_covariates: int) -> None:
        weights = {name.removeprefix("network."): value for name, value in self.arrays.items()}
        check_weights(lambda: self.make_network(n_embed + n_covariates, n_embed), weights)

    def _read_network(self) -> nn.Module:
        scaling = self.fitted_scaling()
        n_embed = len(scaling.source_center)
        weights = {name.removeprefix("network."): torch.from_numpy(value) for name, value in self.arrays.items()}
        # Fresh weights are drawn, and thrown away.
        with seeded(0):
            network = self.make_network(n_embed + len(scaling.covariate_center), n_embed)
        network.load_state_dict(weights)
        return network
