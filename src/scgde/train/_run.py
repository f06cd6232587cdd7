from __future__ import annotations

import logging
import signal
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lightning.pytorch.strategies.launchers import _MultiProcessingLauncher

from scgde.train._callbacks import History, KeepBest, StepProgress, history_frame
from scgde.train._seeded import seeded
from scgde.train._state_file import SaveState, StateFile
from scgde.train._state_folder import open_state_file
from scgde.train._trainer import make_trainer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd
    from lightning import LightningDataModule, Trainer
    from lightning.pytorch.callbacks import Callback
    from torch.nn import Module

    from scgde.train._plan import SetTrainingPlan

# Advice for loaders that read files; ours draws a batch from memory in milliseconds.
_EXPECTED_WARNINGS = (
    ".*does not have many workers.*",
    ".*The number of training batches.*",
    ".*GPU available but not used.*",
    ".*MPS available but not used.*",
    ".*isinstance.treespec, LeafSpec.*",
)
#: Silent on the normal path.
_LOGGERS = ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch", "lightning.fabric.utilities.distributed")


def run_training(
    plan: SetTrainingPlan,
    data: LightningDataModule,
    *,
    max_steps: int,
    patience: int | None,
    validate: bool,
    checkpoint_dir: str | Path | None,
    progress_bar: bool,
    **trainer_kwargs: Any,
) -> pd.DataFrame:
    """Train for ``max_steps`` steps and leave the best averaged weights in ``plan.module``, on all devices alike.

    Parameters
    ----------
    plan, data
        Training plan and batches; an epoch of ``data`` ends with a validation.
    max_steps
        Optimiser steps.
    patience
        Validations without improvement before training stops early; None to never stop.
    validate
        Whether there are validation sets.
    checkpoint_dir
        Folder of the training state; a fit that finds its state there resumes it.
    progress_bar
        Whether to show one.
    **trainer_kwargs
        Passed to the trainer.

    Returns
    -------
    The history: step, train_loss, validation_loss.

    Raises
    ------
    FloatingPointError
        If the loss is not finite.
    KeyboardInterrupt
        If the user interrupts.
    OSError
        If ``checkpoint_dir`` cannot be made or takes no files.
    ValueError
        If it holds the state of another fit, or one that is damaged, or the trainer cannot run on this machine.
    """
    state = open_state_file(checkpoint_dir)
    callbacks: list[Callback] = [History(), KeepBest(patience)]
    if progress_bar:
        callbacks.append(StepProgress())
    if state is not None:
        callbacks.append(SaveState(state))
    # Lightning draws from the global random state, too.
    with _quiet(), _interruptible(), seeded(plan.seed), _training_mode(plan):
        trainer = make_trainer(
            max_steps=max_steps,
            max_epochs=-1,
            callbacks=callbacks,
            check_val_every_n_epoch=1,
            limit_val_batches=1.0 if validate else 0,
            reload_dataloaders_every_n_epochs=1,
            logger=False,
            num_sanity_val_steps=0,
            enable_model_summary=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
            use_distributed_sampler=False,  # batches are drawn for each device
            plugins=[StateFile()],
            **trainer_kwargs,
        )
        resumed = state if state is not None and state.exists() else None
        trainer.fit(plan, data, ckpt_path=resumed, weights_only=True)
    if not _is_forked(trainer):
        plan.module.to(trainer.strategy.root_device)
    return history_frame(plan.history)


def _is_forked(trainer: Trainer) -> bool:
    """Whether processes were forked for the training, which no second fit can do once this one uses the GPU."""
    launcher = trainer.strategy.launcher
    return isinstance(launcher, _MultiProcessingLauncher) and launcher.is_interactive_compatible


@contextmanager
def _training_mode(module: Module) -> Iterator[None]:
    module.train()
    try:
        yield
    finally:
        module.eval()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Keep Ctrl-C what it was: Lightning turns it into an exit of the process, and then ignores it."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as exit_:
        if not isinstance(exit_.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from exit_


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says on the normal path."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for message in _EXPECTED_WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
