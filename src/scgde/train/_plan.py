from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning import LightningModule
from torch.optim.swa_utils import AveragedModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scvi.module.base import BaseModuleClass
    from torch import Tensor


class SetTrainingPlan(LightningModule):
    """AdamW with warm-up and cosine decay, and an exponential average of the weights that is what is validated and kept.

    The noise of a step depends on the seed and the step only, so a resumed fit ends where an unbroken one does.

    Parameters
    ----------
    module
        What is trained; its forward returns a ``LossOutput`` last.
    max_steps
        Length of the cosine.
    lr, weight_decay
        Of AdamW.
    warmup_steps
        Steps of linear warm-up.
    ema_decay
        Decay of the average, approached as (1 + n) / (10 + n) in the first steps.
    seed
        Random seed.
    """

    def __init__(
        self,
        module: BaseModuleClass,
        *,
        max_steps: int,
        lr: float = 1e-3,
        weight_decay: float = 1e-4,
        warmup_steps: int = 50,
        ema_decay: float = 0.999,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self._max_steps, self._warmup_steps, self._seed = max_steps, warmup_steps, seed
        self._lr, self._weight_decay = lr, weight_decay
        self.averaged = AveragedModel(module, multi_avg_fn=_average(ema_decay))
        self.averaged.requires_grad_(requires_grad=False)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        with seeded(self._seed, int(batch["step"])):
            loss = self.module(batch)[-1].loss
        self.log("train_loss", loss, on_step=True, on_epoch=False)
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        with seeded(self._seed + 1, int(batch["step"])):
            loss = self.averaged.module(batch)[-1].loss
        self.log("validation_loss", loss, on_epoch=True, batch_size=1)

    def on_train_batch_end(self, outputs: Any, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.averaged.update_parameters(self.module)

    def configure_optimizers(self) -> dict[str, Any]:
        optimizer = torch.optim.AdamW(self.module.parameters(), lr=self._lr, weight_decay=self._weight_decay)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._relative_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _relative_rate(self, step: int) -> float:
        warmup = min(1.0, (step + 1) / self._warmup_steps)
        return warmup * 0.5 * (1 + math.cos(math.pi * min(step / self._max_steps, 1.0)))


def _average(decay: float) -> Any:
    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], n_averaged: Tensor) -> None:
        n = int(n_averaged)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))  # noqa: SLF001

    return update


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Seed torch from integers inside the block; the user's random state is put back after it."""
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    with torch.random.fork_rng(devices=devices):
        torch.random.manual_seed(seed)
        yield
