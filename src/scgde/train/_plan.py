from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from lightning import LightningModule
from torch.optim.swa_utils import AveragedModel

from scgde.train._seeded import seeded

if TYPE_CHECKING:
    from scvi.module.base import BaseModuleClass
    from torch import Tensor

    from scgde._types import Config

_IDENTITY = "scgde_identity"


class SetTrainingPlan(LightningModule):
    """AdamW with warm-up and cosine decay; the average of the weights is validated, and is the result.

    The noise of a step depends on the seed and the step only: a resumed fit ends where an unbroken one does.

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
    identity
        Options and data of the fit, plain values: a training state with another identity is not resumed.
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
        identity: Config | None = None,
    ) -> None:
        super().__init__()
        self.module, self.seed = module, seed
        self._max_steps, self._warmup_steps = max_steps, warmup_steps
        self._lr, self._weight_decay = lr, weight_decay
        self._identity = identity or {}
        self.averaged = AveragedModel(module, multi_avg_fn=_average(ema_decay))
        self.averaged.requires_grad_(requires_grad=False)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        with seeded(self.seed, int(batch.step)):
            return self.module(batch)[-1].loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        with seeded(self.seed + 1, int(batch.step)):
            loss = self.averaged.module(batch)[-1].loss
        self.log("validation_loss", loss, on_epoch=True, batch_size=1)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.averaged.update_parameters(self.module)

    def configure_optimizers(self) -> Any:
        options: dict[str, Any] = {"lr": self._lr, "weight_decay": self._weight_decay}
        # One kernel for all parameters. With scaled gradients it cannot: it unscales them after they were clipped.
        optimizer = torch.optim.AdamW(self.module.parameters(), fused=not self._scales_gradients, **options)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._relative_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @property
    def _scales_gradients(self) -> bool:
        return self._trainer is not None and str(self.trainer.precision) == "16-mixed"

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[_IDENTITY] = self._identity

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        found = checkpoint.get(_IDENTITY, {})
        differing = sorted(name for name in self._identity if found.get(name) != self._identity[name])
        if differing:
            msg = (
                f"`checkpoint_dir` must hold a fit with the same options and data, got other {differing}. "
                "Repeat the call that began it, or choose an empty folder."
            )
            raise ValueError(msg)

    def _relative_rate(self, step: int) -> float:
        warmup = min(1.0, (step + 1) / self._warmup_steps)
        return warmup * 0.5 * (1 + math.cos(math.pi * min(step / self._max_steps, 1.0)))


def _average(decay: float) -> Any:
    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], n_averaged: Tensor) -> None:
        n = int(n_averaged)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
