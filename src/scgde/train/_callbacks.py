"""What happens around the steps: the history, the best weights, the progress bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback

from scgde._progress import progress_bar

if TYPE_CHECKING:
    from lightning import Trainer
    from torch import Tensor
    from tqdm.auto import tqdm

_STEPS_PER_RECORD = 10
#: What validation logs: its loss and, of some modules, what the context gains.
_VALIDATED = ("validation_loss", "context_gain")
_COLUMNS = ["step", "train_loss", *_VALIDATED]


class History(Callback):
    """Training loss, averaged over ten steps, validation loss and, where it is known, what the context gains."""

    def __init__(self) -> None:
        self._pending: list[Tensor] = []
        self._records: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        # Where several batches make a step, each has been divided by their number.
        self._pending.append(outputs["loss"].detach() * trainer.accumulate_grad_batches)
        n_batches = _STEPS_PER_RECORD * trainer.accumulate_grad_batches
        if len(self._pending) == n_batches or trainer.global_step == trainer.max_steps:
            self._record(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self._pending:
            self._record(trainer)
        found = {name: float(trainer.callback_metrics[name]) for name in _VALIDATED if name in trainer.callback_metrics}
        self._records[-1].update(found)

    def on_fit_end(self, trainer: Trainer, pl_module: Any) -> None:
        rows = [[record.get(name, math.nan) for name in _COLUMNS] for record in self._records]
        pl_module.history = torch.tensor(rows, dtype=torch.float64).view(-1, len(_COLUMNS))

    def state_dict(self) -> dict[str, Any]:
        return {"records": self._records, "pending": self._pending}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._records, self._pending = state_dict["records"], state_dict["pending"]

    def _record(self, trainer: Trainer) -> None:
        # One transfer from the device per record. The mean over devices is not finite on any if it is not on one.
        step, loss = trainer.global_step, float(trainer.strategy.reduce(torch.stack(self._pending).mean()))
        if not math.isfinite(loss):
            msg = f"The training loss must be finite, got {loss} at step {step}. Lower `lr`."
            raise FloatingPointError(msg)
        self._records.append({"step": step, "train_loss": loss, "validation_loss": float("nan")})
        self._pending = []


def history_frame(history: Tensor) -> pd.DataFrame:
    """Columns ``step``, ``train_loss``, ``validation_loss`` and, where it is known, ``context_gain``.

    NaN where nothing was validated.
    """
    frame = pd.DataFrame(history.cpu().numpy(), columns=_COLUMNS).astype({"step": int})
    return frame.drop(columns=[name for name in _VALIDATED[1:] if frame[name].isna().all()])


class KeepBest(Callback):
    """The averaged weights with the lowest validation loss, and an end to training that no longer lowers it.

    Parameters
    ----------
    patience
        Validations without improvement before training stops; None to never stop.
    """

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._best, self._n_since = float("inf"), 0
        self._state: dict[str, Tensor] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._stop_if_exhausted(trainer)  # a resumed fit may have ended before

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        loss = float(trainer.callback_metrics["validation_loss"])
        self._n_since += 1
        if loss < self._best:
            self._best, self._n_since, self._state = loss, 0, _copy(pl_module.averaged.module)
        self._stop_if_exhausted(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Load the best averaged weights into the module, or the last ones where nothing was validated."""
        pl_module.module.load_state_dict(self._state or pl_module.averaged.module.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "n_since": self._n_since, "state": self._state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best, self._n_since, self._state = (state_dict[name] for name in ("best", "n_since", "state"))

    def _stop_if_exhausted(self, trainer: Trainer) -> None:
        if self._patience is not None and self._n_since >= self._patience:
            trainer.should_stop = True


class StepProgress(Callback):
    """One bar over all steps, with the loss; what remains of it says at which step the validation loss was lowest."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._best, self._best_step, self._text = math.inf, 0, ""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero:
            self._bar = progress_bar("Fit", unit="step", total=trainer.max_steps, initial=trainer.global_step, delay=0)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self._bar is None:
            return
        if trainer.global_step % _STEPS_PER_RECORD == 0:
            self._bar.set_postfix_str(f"loss {float(outputs['loss']):.4f}{self._text}", refresh=False)
        self._bar.update()

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self._bar is None:
            return
        loss = float(trainer.callback_metrics["validation_loss"])
        if loss < self._best:
            self._best, self._best_step = loss, trainer.global_step
        self._text = f", validation {loss:.4f}, best {self._best:.4f} at step {self._best_step}"

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        self._close()

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        if self._bar is not None and self._text:
            last = ", the last" if self._best_step == trainer.global_step else ""
            self._bar.set_postfix_str(f"{self._text.removeprefix(', ')}{last}, on {pl_module.device.type}")
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _copy(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in module.state_dict().items()}
