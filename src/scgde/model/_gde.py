from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from scgde.model._base_gde import BaseGDE
from scgde.model._train_options import Training, TrainOptions
from scgde.model._training import TrainableModel
from scgde.sets import SetCovariate
from scgde.sets._covariates import check_learnable

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from typing import Unpack


class GDE(BaseGDE, TrainableModel):
    """Generative distribution embeddings: a vector for each set, and a generator of cells from the vector.

    Parameters
    ----------
    adata
        Registered with ``setup_anndata``; None for a model that only embeds and generates.
    encoder, generator
        Names in ``scgde.nn.ENCODERS`` and ``scgde.nn.GENERATORS``.
    featurizer
        Name in ``scgde.nn.FEATURIZERS`` of the map from a cell to the vector that the encoder sees.
    n_latent
        Dimensions of the embedding. By default 32, or room for all moments and 16 more.
    moments
        Whether most dimensions of the embedding are a fixed linear map of the moments of a set, from which the
        generator starts, see :class:`~scgde.nn.linear_core.LinearCore`. With ``"dropout"`` the generator does not see
        those of a quarter of the sets of a step, so that the other dimensions describe a set as a whole. Models
        with batches have none: a fixed map cannot be made independent of them. Of sequences, mean counts of words.
    encoder_kwargs, generator_kwargs, featurizer_kwargs
        Their options.
    decoder
        Of counts, options of ``scgde.module.CountReadout``; None for cells that are generated as they are.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        ``"sliced"`` W2, or ``"sinkhorn"``, the root of that divergence: nearer to W2, and several times as long.
    scaling
        ``"feature"`` gives each feature unit variance, ``"common"`` divides all by one number, so that distances keep
        their proportions, ``"none"`` leaves them. By default that of the representation: ``"common"`` for an ``obsm``
        entry, ``"feature"`` for ``X`` and layers.
    label_classes
        Names of the classes of a label of the sets, which the embedding then also predicts; an empty list if the label
        is a number.
    label_weight
        Weight of its cross entropy, or of its squared error in units of variance.
    balanced
        Whether all classes count the same, however many sets have them.
    generator_weight
        Weight of the loss of the generator; 0 to train on labels alone.
    batches
        Names of batches: the generator is conditioned on the batch of a set, and an independence penalty (HSIC)
        removes it from the embedding.
    batch_weight
        Weight of that penalty.
    cells
        What a cell is, required where ``adata`` is None, such as ``scgde.nn.cells.CellSpec.vectors(50)``.
    target
        What is modelled of a cell, where that is not what is read of it.
    seed
        Seed of the initial weights.

    Examples
    --------
    >>> import scgde
    >>> scgde.model.GDE.setup_anndata(adata, set_key="donor", use_rep="X_pca")
    >>> model = scgde.model.GDE(adata)
    >>> model.train(1000)
    >>> model.get_embedding().shape
    (20, 32)
    """

    def train(
        self,
        max_steps: int = 1000,
        *,
        labels: Mapping[str, Hashable] | pd.Series | None = None,
        batches: Mapping[str, Hashable] | pd.Series | None = None,
        **options: Unpack[TrainOptions],
    ) -> None:
        """Train on sets drawn from the registered data.

        Parameters
        ----------
        max_steps
            Optimiser steps.
        labels
            Class or number of each set by name, missing for those without; for a model with ``label_classes``.
        batches
            Batch of each set by name, for a model with ``batches``.
        **options
            See :class:`TrainOptions`.

        Raises
        ------
        KeyError
            If a named set is not there.
        TypeError
            If an option is unknown.
        ValueError
            If an option is out of its range, or labels and batches are not those of the model.
        """
        training, sets = Training.of(max_steps, options), self._own_cells().names
        covariates = {}
        if (label := _covariate("labels", labels, self.label_classes, "label_classes")) is not None:
            covariates["label"] = label.encode_label(sets)
        if (batch := _covariate("batches", batches, self.batches, "batches")) is not None:
            covariates["batch"] = batch.encode(sets)
        if covariates and training.spec.n_mixed > 1:
            msg = (
                "`n_mixed` must be 1 with labels or batches, which a mixture of sets has not, "
                f"got {training.spec.n_mixed}."
            )
            raise ValueError(msg)
        split = self._split(training)
        if label is not None and self.module.head is not None:
            self.module.head.fit_scaling(torch.from_numpy(check_learnable(covariates["label"][split.train])))
            self.labels_seen = (self.labels_seen or {}) | label.known(sets[np.concatenate(split)])
        self._fit(training, split, covariates=covariates)

    def start_from(self, other: BaseGDE) -> None:
        """Begin with the weights and transforms of a trained model of the same networks; the label head is kept.

        Raises
        ------
        ValueError
            If its networks differ.
        """
        own, found = self.module.state_dict(), other.module.state_dict()
        shared = {name: value for name, value in found.items() if not name.startswith("head.")}
        needed = {name: value.shape for name, value in own.items() if not name.startswith("head.")}
        if {name: value.shape for name, value in shared.items()} != needed:
            msg = "`other` must have the same encoder, generator and batches, got other weights. Build it alike."
            raise ValueError(msg)
        self.module.load_state_dict({**own, **shared})
        self.is_trained_ = True


def _covariate(argument: str, values: Any, known: list[str] | None, option: str) -> SetCovariate | None:
    """Covariate of the sets that a model was built for, None where it was built for none."""
    if (values is None) != (known is None):
        msg = f"`{argument}` and the `{option}` of the model belong together, got one of them. Give both."
        raise ValueError(msg)
    return None if known is None else SetCovariate(argument, known, pd.Series(values, dtype=object))
