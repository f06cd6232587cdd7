"""From cells in sets to a trained module."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde.data import SetDataModule
from scgde.model import _io
from scgde.model._cell_sets_model import CellSetsModel
from scgde.model._inference import whole_sets
from scgde.sets import SetSplit
from scgde.train import SetTrainingPlan, own_surroundings, run_training

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scgde.data import CellSets, CellView, Pairs
    from scgde.model._train_options import Training

#: Values of cells that a transform is fitted on at a time: 64 MB, since memory of more than 32 MB goes back to the
#: system when it is freed, and that of less is kept by malloc, in pieces.
_VALUES_PER_READ = 2**24


class TrainableModel(CellSetsModel):
    """Model that is trained on the cells that it holds, by Lightning."""

    _data_splitter_cls = SetDataModule
    _training_plan_cls = SetTrainingPlan

    @own_surroundings()
    def _fit(
        self,
        training: Training,
        split: SetSplit,
        *,
        pairs: Pairs | None = None,
        covariates: dict[str, np.ndarray] | None = None,
    ) -> None:
        """Train the module on the training sets of ``split``, and validate on its validation sets."""
        start, cells = time.monotonic(), self._own_cells()
        weights = cells.weights(training.options["set_weights"])
        if not self.is_trained_:
            self._init_from(cells, split.train)
        drawn = [*([] if weights is None else [weights]), *(pairs or []), *(covariates or {}).values()]
        units = [buffer.cpu().numpy() for buffer in self.module.transform.buffers()]
        identity = self._config | training.identity | {"data": cells.digest(*split, *units, *map(np.asarray, drawn))}
        self._history = run_training(
            self._training_plan_cls(self.module, identity=_io.plain(identity, "the options"), **training.optimizer),
            self._data_splitter_cls(
                cells,
                split=split,
                spec=training.spec,
                steps_per_epoch=training.options["steps_per_validation"],
                max_steps=training.max_steps,
                seed=training.seed,
                set_weights=weights,
                pairs=pairs,
                covariates=covariates,
            ),
            validate=len(split.validation) > 0,
            **training.run,
        )
        self._trained_in(time.monotonic() - start)

    def _split(self, training: Training, *, links: np.ndarray | None = None, fraction: float | None = None) -> SetSplit:
        """Sets that ``train_sets`` and ``validation_sets`` name, or else a random split."""
        cells, options = self._own_cells(), training.options
        if options["train_sets"] is None:
            share = options["validation_fraction"] if fraction is None else fraction
            return cells.split(fraction=share, seed=training.seed, links=links)
        names = {"train_sets": options["train_sets"], "validation_sets": options["validation_sets"] or []}
        return SetSplit(*(cells.rows_of(part, argument) for argument, part in names.items()))

    def _init_from(self, cells: CellSets, sets: np.ndarray) -> None:
        """Start from the cells of the training sets only, so that no other set leaves a trace."""
        chosen = np.zeros(cells.index.n_sets, dtype=bool)
        chosen[sets] = True
        rows = np.sort(cells.index.cells[np.repeat(chosen, cells.index.sizes)])
        self.module.init_from(
            lambda: _blocks(cells.encoder, rows),
            lambda: _blocks(cells.target, rows),
            lambda: whole_sets(self.module, cells.encoder.store, cells.index, sets),
        )


def _blocks(view: CellView, rows: np.ndarray) -> Iterator[torch.Tensor]:
    """Cells of some rows, in parts that fit in memory."""
    n_rows = max(1, _VALUES_PER_READ // view.representation.spec.size)
    for start in range(0, len(rows), n_rows):
        yield view.store.gather(torch.from_numpy(rows[start : start + n_rows]))
