from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightning import LightningDataModule
from torch.utils.data import DataLoader

from scgde.data._datasets import BatchSpec, SetBatchDataset
from scgde.data._pair_dataset import PairDataset

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.data._index import SetIndex
    from scgde.data._pair_dataset import Pairs
    from scgde.data._stores import CellStore

_VALIDATION_BATCHES = 4


class SetDataModule(LightningDataModule):
    """Batches of training sets and of held-out validation sets.

    An epoch is virtual: ``steps_per_epoch`` steps, after which the validation sets are scored, on the same draws each
    time.

    Parameters
    ----------
    features
        Features of all cells.
    index
        All sets.
    train_sets, validation_sets
        Which sets are used for what; ``validation_sets`` may be empty.
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
    per_set
        What a batch of single sets tells of them, see :class:`SetBatchDataset`.
    """

    def __init__(
        self,
        features: CellStore,
        index: SetIndex,
        *,
        train_sets: np.ndarray,
        validation_sets: np.ndarray,
        spec: BatchSpec,
        steps_per_epoch: int,
        max_steps: int,
        seed: int,
        set_weights: np.ndarray | None = None,
        pairs: Pairs | None = None,
        per_set: dict[str, np.ndarray] | None = None,
    ) -> None:
        super().__init__()
        self._features, self._index, self._spec, self._seed = features, index, spec, seed
        self.train_sets, self.validation_sets = train_sets, validation_sets
        self._steps_per_epoch, self._max_steps = steps_per_epoch, max_steps
        self._set_weights, self._pairs, self._per_set = set_weights, pairs, per_set

    def train_dataloader(self) -> DataLoader:
        # Made anew each epoch; the trainer's step makes it right after a resume too.
        done = self.trainer.global_step if self.trainer else 0
        # One step, not to be taken, where a fit that had ended is resumed.
        n_steps = max(1, min(self._steps_per_epoch, self._max_steps - done))
        n_items = n_steps * (self.trainer.world_size if self.trainer else 1)
        start = done * (self.trainer.world_size if self.trainer else 1)
        return self._loader(self.train_sets, range(start, start + n_items), seed=self._seed)

    def val_dataloader(self) -> DataLoader | list:
        if len(self.validation_sets) == 0:
            return []
        return self._loader(self.validation_sets, range(_VALIDATION_BATCHES), seed=self._seed + 1)

    def on_after_batch_transfer(self, batch: dict[str, Tensor], dataloader_idx: int) -> dict[str, Any]:
        return gather_views(self._features, batch)

    def _loader(self, sets: np.ndarray, steps: range, *, seed: int) -> DataLoader:
        weights = None if self._set_weights is None else self._set_weights[sets]
        probabilities = None if weights is None else weights / weights.sum()
        options: dict[str, Any] = {"steps": steps, "seed": seed, "probabilities": probabilities}
        if self._pairs is None:
            options["per_set"] = self._per_set
            return DataLoader(SetBatchDataset(self._index, sets, self._spec, **options), batch_size=None)
        return DataLoader(PairDataset(self._index, sets, self._pairs, self._spec, **options), batch_size=None)


def gather_views(features: CellStore, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Replace the row numbers of a batch by the cells' features, where the rows are."""
    cells = {name: features.gather(batch.pop(f"{name}_rows")) for name in ("encoder", "generator")}
    return {**batch, **cells}
