from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset

from scgde.data._datasets import BatchSpec, SetBatchDataset
from scgde.data._pair_dataset import PairDataset
from scgde.data._read_ahead import ReadAhead

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from scgde.data._cell_sets import CellSets
    from scgde.data._pair_dataset import Pairs
    from scgde.data.stores import CellStore
    from scgde.nn.cells import SetBatch
    from scgde.sets import SetSplit

_VALIDATION_BATCHES = 4


class SetDataModule(LightningDataModule):
    """Batches of training sets and of held-out validation sets.

    An epoch is virtual: ``steps_per_epoch`` steps, after which the validation sets are scored, on the same draws each
    time. Batches are numbered over all devices: n of them take in one step what a single one takes in n batches.

    Parameters
    ----------
    cells
        Cells of all sets.
    split
        Sets to train and to validate on; there may be none of the latter.
    spec
        Sizes of a batch.
    steps_per_epoch
        Steps between validations.
    max_steps
        Steps in all.
    seed
        Random seed.
    set_weights
        Sets are drawn in proportion to these, positive, shape ``(n_sets,)``; uniformly by default.
    pairs
        Which sets are drawn together; without, each batch is one of single sets.
    covariates
        Of the sets of a batch of single sets, see :class:`SetBatchDataset`.
    """

    def __init__(
        self,
        cells: CellSets,
        *,
        split: SetSplit,
        spec: BatchSpec,
        steps_per_epoch: int,
        max_steps: int,
        seed: int,
        set_weights: np.ndarray | None = None,
        pairs: Pairs | None = None,
        covariates: dict[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        self._cells, self.split, self._spec, self._seed = cells, split, spec, seed
        self._steps_per_epoch, self._max_steps = steps_per_epoch, max_steps
        self._set_weights, self._pairs, self._covariates = set_weights, pairs, covariates

    def train_dataloader(self) -> DataLoader:
        # Made anew each epoch; the trainer's step makes it right after a resume too.
        done = self.trainer.global_step if self.trainer else 0
        # One step, not to be taken, where a fit that had ended is resumed.
        n_steps = max(1, min(self._steps_per_epoch, self._max_steps - done))
        per_step = self._n_devices * (self.trainer.accumulate_grad_batches if self.trainer else 1)
        return self._loader(self.split.train, range(done * per_step, (done + n_steps) * per_step), seed=self._seed)

    def val_dataloader(self) -> DataLoader | list:
        if len(self.split.validation) == 0:
            return []
        # As many for each device.
        n_batches = -(-_VALIDATION_BATCHES // self._n_devices) * self._n_devices
        return self._loader(self.split.validation, range(n_batches), seed=self._seed + 1)

    def on_after_batch_transfer(self, batch: SetBatch, dataloader_idx: int) -> SetBatch:
        return gather_cells(self._cells, batch, lambda store: not self._is_read_ahead(store))

    @property
    def _n_devices(self) -> int:
        return self.trainer.world_size if self.trainer else 1

    def _loader(self, sets: np.ndarray, batches: range, *, seed: int) -> DataLoader:
        """The batches of this device: every n-th of n devices."""
        weights = None if self._set_weights is None else self._set_weights[sets]
        rank = self.trainer.global_rank if self.trainer else 0
        options: dict[str, Any] = {
            "steps": batches[rank :: self._n_devices],
            "seed": seed,
            "probabilities": None if weights is None else weights / weights.sum(),
        }
        index = self._cells.index
        if self._pairs is None:
            dataset: Dataset = SetBatchDataset(index, sets, self._spec, covariates=self._covariates, **options)
        else:
            dataset = PairDataset(index, sets, self._pairs, self._spec, **options)
        if any(self._is_read_ahead(view.store) for view in (self._cells.encoder, self._cells.target)):
            dataset = ReadAhead(dataset, lambda batch: gather_cells(self._cells, batch, self._is_read_ahead))
        # What is in pinned memory is copied to a GPU while it computes.
        return DataLoader(dataset, batch_size=None, pin_memory=self._device.type == "cuda")

    @property
    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    def _is_read_ahead(self, store: CellStore) -> bool:
        """Whether cells are read before a batch is moved to the device: in a thread, so that no step waits for it."""
        is_elsewhere = self._device.type != "cpu" and not store.is_held_on(self._device)
        return store.slow is not None or is_elsewhere


def gather_cells(cells: CellSets, batch: SetBatch, is_due: Callable[[CellStore], bool] = lambda _: True) -> SetBatch:
    """Replace row numbers of a batch by cells, each view in its own representation, where the rows are.

    Only those of stores that are due; others stay row numbers.
    """
    stores = {"encoder": cells.encoder.store, "target": cells.target.store}
    views = {name: getattr(batch, name) for name, store in stores.items() if is_due(store)}
    return batch._replace(**{name: view._replace(x=stores[name].gather(view.x)) for name, view in views.items()})
