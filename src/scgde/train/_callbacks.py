"""What happens around the steps: the history, the best weights, the progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from tqdm.auto import tqdm

if TYPE_CHECKING:
    from lightning import Trainer
    from torch import Tensor

    from scgde.train._plan import SetTrainingPlan

_STEPS_PER_RECORD = 10


class History(Callback):
    """Training loss, averaged over ten steps, and validation loss."""

    def __init__(self) -> None:
        self._pending: list[Tensor] = []
        self._records: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._pending.append(outputs["loss"].detach())
        if len(self._pending) == _STEPS_PER_RECORD or trainer.global_step == trainer.max_steps:
            self._record(trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self._pending:
            self._record(trainer.global_step)
        self._records[-1]["validation_loss"] = float(trainer.callback_metrics["validation_loss"])

    def frame(self) -> pd.DataFrame:
        """Columns ``step``, ``train_loss``, ``validation_loss`` (NaN where none was taken)."""
        frame = pd.DataFrame(self._records, columns=["step", "train_loss", "validation_loss"])
        return frame.astype({"step": int, "train_loss": float, "validation_loss": float})

    def state_dict(self) -> dict[str, Any]:
        return {"records": self._records}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._records = state_dict["records"]

    def _record(self, step: int) -> None:
        # One transfer from the device per record.
        loss = float(torch.stack(self._pending).mean())
        self._records.append({"step": step, "train_loss": loss, "validation_loss": float("nan")})
        self._pending = []


class KeepBest(Callback):
    """The averaged weights with the lowest validation loss, or the last ones where nothing is validated."""

    def __init__(self) -> None:
        self._best = float("inf")
        self._state: dict[str, Tensor] | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: SetTrainingPlan) -> None:
        loss = float(trainer.callback_metrics["validation_loss"])
        if loss < self._best:
            state = pl_module.averaged.module.state_dict()
            self._best, self._state = loss, {name: value.detach().cpu().clone() for name, value in state.items()}

    def on_train_end(self, trainer: Trainer, pl_module: SetTrainingPlan) -> None:
        pl_module.module.load_state_dict(self._state or pl_module.averaged.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "state": self._state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best, self._state = state_dict["best"], state_dict["state"]


class StepProgress(Callback):
    """One bar over all steps, with the last validation loss."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self._bar = tqdm(total=trainer.max_steps, initial=trainer.global_step, desc="Fit", unit="step", leave=False)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if self._bar is not None:
            self._bar.update()

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self._bar is not None:
            self._bar.set_postfix(validation_loss=f"{float(trainer.callback_metrics['validation_loss']):.4f}")

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        if self._bar is not None:
            self._bar.close()
