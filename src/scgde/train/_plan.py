from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from lightning import LightningModule

from scgde.train._average import AveragedWeights
from scgde.train._seeded import seeded

if TYPE_CHECKING:
    from torch import Tensor, nn

    from scgde._types import Config

_IDENTITY = "scgde_identity"


class SetTrainingPlan(LightningModule):
    """AdamW with warm-up and cosine decay; the average of the weights is validated, and is the result.

    The noise of a batch depends on the seed and its number only: a resumed fit ends where an unbroken one does.

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
        module: nn.Module,
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
        #: Columns ``step``, ``train_loss`` and ``validation_loss``: with the weights, all that comes back from
        #: processes that were started for the training.
        self.history = torch.zeros(0, 3, dtype=torch.float64)
        self.averaged = AveragedWeights(module, ema_decay)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        with seeded(self.seed, batch.step):
            return self.module(batch)[-1].loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        with seeded(self.seed + 1, batch.step):
            output = self.averaged.module(batch)[-1]
        # One number for all devices, so that they keep the same weights and stop at the same step.
        for name, value in {"validation_loss": output.loss, **output.extra_metrics}.items():
            self.log(name, value, on_epoch=True, batch_size=1, sync_dist=True)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.averaged.update(self.module, self.trainer.global_step)

    def configure_optimizers(self) -> Any:
        options: dict[str, Any] = {"lr": self._lr, "weight_decay": self._weight_decay}
        # One kernel for all parameters. Lightning does not clip gradients in mixed precision before such a one.
        optimizer = torch.optim.AdamW(self.module.parameters(), fused=not self._is_mixed_precision, **options)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._relative_rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @property
    def _is_mixed_precision(self) -> bool:
        return self._trainer is not None and str(self.trainer.precision).endswith("mixed")

    def get_extra_state(self) -> Tensor:
        return self.history

    def set_extra_state(self, state: Tensor) -> None:
        self.history = state

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
