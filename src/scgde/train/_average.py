from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn


class AveragedWeights(nn.Module):
    """Exponential average of the weights of a module, which reaches its decay as (1 + n) / (10 + n) after n steps.

    Steps are counted on the host, so that none waits for the device.

    Parameters
    ----------
    module
        What is averaged. Its weights are copied.
    decay
        Of the average, at most.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = deepcopy(module).requires_grad_(requires_grad=False)
        self._decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, n: int) -> None:
        """Take in the weights after step ``n``, counted from 0; those of the first are copied."""
        averaged: list[Tensor] = list(self.module.parameters())
        current: list[Tensor] = list(module.parameters())
        if averaged:
            torch._foreach_lerp_(averaged, current, 1 - min(self._decay, (1 + n) / (10 + n)) if n else 1.0)
        for own, other in zip(self.module.buffers(), module.buffers(), strict=True):
            own.copy_(other)
