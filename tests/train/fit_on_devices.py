"""A fit for ``test_devices.py``, in processes of its own: ``python fit_on_devices.py FOLDER NAME OPTIONS``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np

from scgde import datasets, tl
from scgde.module import GDEModule

OPTIONS = {"max_steps": 48, "sets_per_batch": 6, "set_size": 10, "isometry": 0.5, "accelerator": "cpu"}


def break_loss(rank: str, step: int) -> None:
    """Make the loss of one device NaN from a step on."""
    loss = GDEModule.loss

    def broken(self, tensors, *args, **kwargs):
        output = loss(self, tensors, *args, **kwargs)
        if self.training and tensors.step >= step and os.environ.get("LOCAL_RANK", "0") == rank:
            return output._replace(loss=output.loss * float("nan"))
        return output

    GDEModule.loss = broken


def interrupt(step: int) -> None:
    """End the process, as a kill does, at a batch."""
    loss = GDEModule.loss

    def ending(self, tensors, *args, **kwargs):
        if self.training and tensors.step >= step:
            os._exit(9)
        return loss(self, tensors, *args, **kwargs)

    GDEModule.loss = ending


def main(folder: Path, name: str, options: dict) -> None:
    if (broken := options.pop("broken", None)) is not None:
        break_loss(*broken)
    if (killed := options.pop("killed", None)) is not None:
        interrupt(killed)
    adata = datasets.gaussian_sets(30, (20, 40), 4, seed=0)
    train = {"steps_per_validation": 6, **options.pop("train_kwargs", {})}
    model = tl.fit_gde(adata, "set", progress_bar=False, train_kwargs=train, **OPTIONS, **options)
    weights = np.concatenate([value.numpy().ravel() for value in model.module.state_dict().values()])
    place = folder / f"{name}.{os.environ.get('LOCAL_RANK', 'main')}.npz"
    np.savez(place, weights=weights, **{column: model.history[column] for column in model.history})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
