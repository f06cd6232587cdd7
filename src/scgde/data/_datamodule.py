from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning import LightningDataModule
from torch.utils.data import DataLoader

from scgde.data._datasets import BatchSpec, SetBatchDataset
from scgde.data._pair_dataset import PairDataset

if TYPE_CHECKING:
    import numpy as np

    from scgde.data._cell_sets import CellSets
    from scgde.data._pair_dataset import Pairs
    from scgde.nn.cells import SetBatch
    from scgde.sets import SetSplit

_VALIDATION_BATCHES = 4


class SetDataModule(LightningDataModule):
    """Batches of training sets and of held-out validation sets.

    An epoch is virtual: ``steps_per_epoch`` steps, after which the validation sets are scored, on the same draws each
    time.

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
        n_items = n_steps * (self.trainer.world_size if self.trainer else 1)
        start = done * (self.trainer.world_size if self.trainer else 1)
        return self._loader(self.split.train, range(start, start + n_items), seed=self._seed)

    def val_dataloader(self) -> DataLoader | list:
        if len(self.split.validation) == 0:
            return []
        return self._loader(self.split.validation, range(_VALIDATION_BATCHES), seed=self._seed + 1)

    def on_after_batch_transfer(self, batch: SetBatch, dataloader_idx: int) -> SetBatch:
        return gather_cells(self._cells, batch)

    def _loader(self, sets: np.ndarray, steps: range, *, seed: int) -> DataLoader:
        weights = None if self._set_weights is None else self._set_weights[sets]
        probabilities = None if weights is None else weights / weights.sum()
        options: dict[str, Any] = {"steps": steps, "seed": seed, "probabilities": probabilities}
        index = self._cells.index
        if self._pairs is None:
            options["covariates"] = self._covariates
            return DataLoader(SetBatchDataset(index, sets, self._spec, **options), batch_size=None)
        return DataLoader(PairDataset(index, sets, self._pairs, self._spec, **options), batch_size=None)


def gather_cells(cells: CellSets, batch: SetBatch) -> SetBatch:
    """Replace the row numbers of a batch by cells, each view in its own representation, where the rows are."""
    encoder = batch.encoder._replace(x=cells.encoder.store.gather(batch.encoder.x))
    target = batch.target._replace(x=cells.target.store.gather(batch.target.x))
    return batch._replace(encoder=encoder, target=target)
