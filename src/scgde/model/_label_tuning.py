"""Fits of the networks to labels: on from a label-free fit, with the cells of all sets, or from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import ttest_1samp

from scgde._checks import check_count, check_non_negative
from scgde.model._gde import GDE
from scgde.stats import Labels, fit_linear, losses, n_groups_of_rarest, splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scgde.data import CellSets
    from scgde.model._base_gde import BaseGDE

#: Parts of the labelled sets, one of which chooses.
N_PARTS = 3
#: Of the test by which a weight of the label is better than the smallest one.
_LEVEL = 0.05
#: Learning rate of a fit that goes on from another one.
LR = 1e-3
_STEPS_PER_VALIDATION = 20
#: Logit of a class that no labelled set has.
_NEVER = -30.0


@dataclass(frozen=True)
class LabelTuning:
    """What a fit to labels starts from, and how long it takes.

    Attributes
    ----------
    base
        The label-free fit.
    cells
        Cells of all sets.
    embedding
        Of that fit, shape ``(S, E)``.
    reliability
        Of its dimensions, shape ``(E,)``, see :func:`scgde.stats.reliability`; None where it is not known.
    used
        Names of the sets that it trained or validated on.
    batches
        Batch of each set, for a fit that is conditioned on it.
    class_weight
        None or ``"balanced"``.
    label_weights
        Weights of the label to choose from; 0 leaves the embedding as it is.
    max_steps
        Steps of each fit.
    train_options
        Of ``GDE.train``.
    seed
        Random seed.

    Raises
    ------
    ValueError
        If there is no weight to choose.
    """

    base: BaseGDE
    cells: CellSets
    embedding: np.ndarray
    reliability: np.ndarray | None
    used: list[str]
    batches: pd.Series | None
    class_weight: str | None
    label_weights: Sequence[float]
    max_steps: int
    train_options: dict[str, Any]
    seed: int

    def __post_init__(self) -> None:
        weights = sorted(check_non_negative(weight, "label_weights") for weight in self.label_weights)
        if not weights:
            msg = "`label_weights` must hold one weight or more, got none."
            raise ValueError(msg)
        check_count(self.max_steps, "max_steps")
        object.__setattr__(self, "label_weights", weights)

    def fine_tune(self, rows: np.ndarray, labels: Labels, new: np.ndarray) -> np.ndarray:
        """Outputs for the sets ``new`` of a fit to the labels of ``rows`` and the cells of all sets."""
        weight = self._best_weight(rows, labels)
        return self._fine_tuned(rows, labels, new, weight)

    def from_scratch(self, rows: np.ndarray, labels: Labels, new: np.ndarray) -> np.ndarray:
        """Outputs for the sets ``new`` of a fit to the labelled sets ``rows`` alone, from random weights."""
        options = {"generator_weight": 0.0, "isometry": 0.0, "batches": None}
        model = self._model(labels, **options)
        train, validation = self._choosing(labels)
        model.train(
            self.max_steps,
            labels=self._named(rows, labels),
            train_sets=self.cells.names[rows[train]].tolist(),
            validation_sets=self.cells.names[rows[validation]].tolist(),
            steps_per_validation=_STEPS_PER_VALIDATION,
            **self.train_options,
        )
        return _outputs(model, new)

    def _best_weight(self, rows: np.ndarray, labels: Labels) -> float:
        """The smallest, unless on labelled sets that were left out another is better by more than chance."""
        train, test = self._choosing(labels)
        if len(test) < 2 or len(self.label_weights) == 1:
            return self.label_weights[0]
        of_weights = []
        for weight in self.label_weights:
            outputs = self._fine_tuned(rows[train], labels.at(train), rows[test], weight)
            of_weights.append(losses(labels.at(test), outputs, class_weight=self.class_weight))
        best = int(np.argmin([part.mean() for part in of_weights]))
        gain = of_weights[0] - of_weights[best]
        is_better = ttest_1samp(gain, 0, alternative="greater").pvalue < _LEVEL
        return self.label_weights[best if is_better else 0]

    def _fine_tuned(self, rows: np.ndarray, labels: Labels, new: np.ndarray, weight: float) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        options: dict[str, Any] = {"class_weight": self.class_weight, "reliability": self.reliability}
        probe = fit_linear(self.embedding[rows], labels, rng, **options)
        if weight == 0:
            return probe.outputs(self.embedding[new], classes=labels.n_classes > 0)
        named = self._named(rows, labels)
        model = self._model(labels, label_weight=weight)
        model.start_from(self.base)
        # Logits of minus infinity have no gradient.
        intercept = np.where(np.isfinite(probe.intercept), probe.intercept, _NEVER)
        head = model.module.head
        assert head is not None
        head.fit_scaling(_tensor(labels.values))
        head.init_from_linear(_tensor(probe.coef), _tensor(intercept))
        model.train(
            self.max_steps,
            labels=named,
            batches=self.batches,
            train_sets=list(dict.fromkeys([*self.used, *named.index])),
            patience=None,
            **{"lr": LR, **self.train_options},
        )
        return _outputs(model, new)

    def _choosing(self, labels: Labels) -> tuple[np.ndarray, np.ndarray]:
        """Labelled sets to fit to and those that choose, none where a class has too few groups."""
        n_groups = n_groups_of_rarest(labels.strata, labels.groups)
        if n_groups < 2 or (labels.n_classes and len(np.unique(labels.values)) < 2):
            return np.arange(len(labels.values)), np.arange(0)
        return splits(labels.strata, labels.groups, min(N_PARTS, n_groups), np.random.default_rng(self.seed))[0]

    def _model(self, labels: Labels, **options: Any) -> GDE:
        names = [str(code) for code in range(labels.n_classes)]
        label = {"label_classes": names, "balanced": self.class_weight is not None, "seed": self.seed}
        model = GDE(None, **{**self.base.config, **label, **options})
        model.attach(self.cells)
        return model

    def _named(self, rows: np.ndarray, labels: Labels) -> pd.Series:
        return pd.Series(labels.values, self.cells.names[rows])


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _outputs(model: GDE, new: np.ndarray) -> np.ndarray:
    return model.predict(model.get_embedding().to_numpy()[new])
