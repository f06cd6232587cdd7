from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from scgde._checks import check_flag, check_non_negative, check_one_of
from scgde.model._base import SetModel
from scgde.model._generation import generate_parts
from scgde.model._serialization import BLANK_REGISTRY
from scgde.model._train_options import Training, TrainOptions
from scgde.module import GDEModule
from scgde.nn import GENERATORS
from scgde.nn.isometry import GROUNDS
from scgde.sets import SetCovariate
from scgde.sets._covariates import check_learnable
from scgde.train import own_surroundings

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence
    from typing import Unpack

    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.representations import Representation
    from scgde.nn.cells import CellSpec


class GDE(SetModel):
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
        generator starts, see :class:`~scgde.nn.linear_core.LinearCore`. Models with batches have none: a fixed
        map cannot be made independent of them. Of sequences, mean counts of words.
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

    _module_cls = GDEModule

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        generator: str = "flow_matching",
        featurizer: str = "identity",
        n_latent: int | None = None,
        moments: bool = False,
        encoder_kwargs: dict[str, Any] | None = None,
        generator_kwargs: dict[str, Any] | None = None,
        featurizer_kwargs: dict[str, Any] | None = None,
        decoder: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
        scaling: str | None = None,
        label_classes: Sequence[str] | None = None,
        label_weight: float = 1.0,
        balanced: bool = True,
        generator_weight: float = 1.0,
        batches: Sequence[str] | None = None,
        batch_weight: float = 0.1,
        cells: Representation | CellSpec | Config | None = None,
        target: Representation | CellSpec | Config | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata, registry=BLANK_REGISTRY if adata is None else None)
        check_one_of(generator, "generator", list(GENERATORS))
        if check_flag(moments, "moments") and batches is not None:
            msg = "`moments` must be False with batches, which a fixed map cannot be made independent of, got True."
            raise ValueError(msg)
        networks = {
            "encoder": encoder,
            "generator": generator,
            "featurizer": featurizer,
            "encoder_kwargs": encoder_kwargs or {},
            "generator_kwargs": generator_kwargs or {},
            "featurizer_kwargs": featurizer_kwargs or {},
            "decoder": decoder,
            "isometry": isometry,
            "isometry_ground": check_one_of(isometry_ground, "isometry_ground", list(GROUNDS)),
            "label_weight": check_non_negative(label_weight, "label_weight"),
            "generator_weight": check_non_negative(generator_weight, "generator_weight"),
            "batch_weight": check_non_negative(batch_weight, "batch_weight"),
            "balanced": balanced,
        }
        self._build(
            networks,
            n_latent=n_latent,
            moments=moments,
            cells=cells,
            target=target,
            scaling=scaling,
            seed=seed,
            n_classes=None if label_classes is None else len(label_classes),
            n_batches=len(batches or []),
        )
        self._config["label_classes"] = None if label_classes is None else [str(name) for name in label_classes]
        self._config["batches"] = None if batches is None else [str(name) for name in batches]
        self._model_summary_string = f"GDE: {encoder} -> {self.module.n_embed} -> {generator}"
        self.init_params_ = self._get_init_params(locals())

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

    def start_from(self, other: GDE) -> None:
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

    @own_surroundings()
    @torch.no_grad()
    def predict(self, embedding: np.ndarray) -> np.ndarray:
        """Predict the label that the model was trained with.

        Parameters
        ----------
        embedding
            Shape ``(S, E)``.

        Returns
        -------
        Probability of each of ``label_classes``, shape ``(S, C)``, or numbers, ``(S, 1)``.

        Raises
        ------
        RuntimeError
            If the model has no label.
        """
        if self.module.head is None:
            msg = "A model with a label is required, got one without. Fit with `label_key`."
            raise RuntimeError(msg)
        z = torch.from_numpy(np.array(embedding, dtype=np.float32)).to(self.device)
        return self.module.head.outputs(z).double().cpu().numpy()

    @property
    def label_classes(self) -> list[str] | None:
        """Classes that :meth:`predict` knows, none if it predicts a number; None without a label."""
        return self._config["label_classes"]

    @property
    def batches(self) -> list[str] | None:
        """Names of the batches that cells can be drawn as from; None without a batch."""
        return self._config["batches"]

    def generate(
        self,
        embedding: np.ndarray,
        n_cells: int = 500,
        *,
        batch: str | Sequence[str | None] | None = None,
        library_size: float | str | np.ndarray | None = None,
        seed: int = 0,
    ) -> np.ndarray:
        """Draw cells from the distributions that embeddings stand for.

        Parameters
        ----------
        embedding
            Shape ``(S, E)``.
        n_cells
            Cells per set.
        batch
            Name of a batch, or one for each set: cells as they would be measured there. None: the mean over batches.
        library_size
            Of a model of counts, expected library sizes: a number, ``"median"`` for that of the training cells, or an
            array that broadcasts to ``(S, n_cells)``. None: drawn with the cells.
        seed
            Random seed.

        Returns
        -------
        Cells in the units of the training features, shape ``(S, n_cells, G)``.
        """
        parts = self.generate_parts(embedding, n_cells, batch=batch, library_size=library_size, seed=seed)
        return np.concatenate(list(parts))

    def generate_parts(self, embedding: np.ndarray, n_cells: int = 500, **options: Any) -> Iterator[np.ndarray]:
        """The same cells as :meth:`generate` draws, a few sets at a time: all of them may not fit in memory."""
        return generate_parts(self.module, embedding, n_cells, self.batches, max_cells=self._max_cells, **options)


def _covariate(argument: str, values: Any, known: list[str] | None, option: str) -> SetCovariate | None:
    """Covariate of the sets that a model was built for, None where it was built for none."""
    if (values is None) != (known is None):
        msg = f"`{argument}` and the `{option}` of the model belong together, got one of them. Give both."
        raise ValueError(msg)
    return None if known is None else SetCovariate(argument, known, pd.Series(values, dtype=object))
