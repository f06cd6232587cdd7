from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_count, check_non_negative, check_one_of
from scgde.model._base import SetModel
from scgde.model._options import TrainOptions
from scgde.model._stored import BLANK_REGISTRY
from scgde.model._told import codes_of_batch, told_of_sets, trainable
from scgde.module import GDEModule
from scgde.nn.generators import GENERATORS
from scgde.nn.isometry import GROUNDS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData


class GDE(SetModel):
    """Generative distribution embeddings: a vector for each set, and a generator of cells from the vector.

    Parameters
    ----------
    adata
        Registered with :meth:`setup_anndata`; None for a model that only embeds and generates.
    encoder, generator
        Names in ``scgde.nn.ENCODERS`` and ``scgde.nn.GENERATORS``.
    n_latent
        Dimensions of the embedding.
    featurizer
        Name in ``scgde.nn.FEATURIZERS``: what the encoder sees of a cell.
    encoder_kwargs, featurizer_kwargs, generator_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        ``"sliced"`` for sliced W2, or ``"sinkhorn"`` for the root of the Sinkhorn divergence: nearer to W2 in many
        dimensions, and several times as long.
    scaling
        ``"feature"`` gives each feature unit variance, ``"common"`` divides all by one number, so that
        distances keep their proportions, ``"none"`` leaves them.
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
        Names of batches: the generator is told the batch of a set, and the embedding is kept from carrying it.
    batch_weight
        Weight of the dependence between embedding and batch.
    n_features
        Features of a cell, required where ``adata`` is None.
    seed
        Seed of the initial weights.

    Examples
    --------
    >>> scgde.model.GDE.setup_anndata(adata, set_key="donor", use_rep="X_pca")
    >>> model = scgde.model.GDE(adata)
    >>> model.train(1000)
    >>> model.get_embedding()

    References
    ----------
    :cite:t:`Fishman25`.
    """

    _module_cls = GDEModule

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        generator: str = "flow_matching",
        n_latent: int = 32,
        featurizer: str = "identity",
        encoder_kwargs: dict[str, Any] | None = None,
        featurizer_kwargs: dict[str, Any] | None = None,
        generator_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
        scaling: str = "common",
        label_classes: Sequence[str] | None = None,
        label_weight: float = 1.0,
        balanced: bool = True,
        generator_weight: float = 1.0,
        batches: Sequence[str] | None = None,
        batch_weight: float = 0.1,
        n_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata, registry=BLANK_REGISTRY if adata is None else None)
        check_one_of(generator, "generator", list(GENERATORS))
        networks = {
            "encoder": encoder,
            "generator": generator,
            "featurizer": featurizer,
            "encoder_kwargs": encoder_kwargs or {},
            "featurizer_kwargs": featurizer_kwargs or {},
            "generator_kwargs": generator_kwargs or {},
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
            n_features=n_features,
            scaling=scaling,
            seed=seed,
            n_classes=None if label_classes is None else len(label_classes),
            n_batches=len(batches or []),
        )
        self._config |= {
            "label_classes": None if label_classes is None else [str(name) for name in label_classes],
            "batches": None if batches is None else [str(name) for name in batches],
        }
        self._model_summary_string = f"GDE: {encoder} -> {n_latent} -> {generator}"
        self.init_params_ = self._get_init_params(locals())

    def train(
        self,
        max_steps: int = 1000,
        *,
        sets_per_batch: int = 64,
        set_size: int = 100,
        target_size: int = 32,
        disjoint_views: bool = True,
        n_mixed: int = 1,
        mixing_alpha: float = 1.0,
        validation_fraction: float = 0.1,
        train_sets: Sequence[str] | None = None,
        validation_sets: Sequence[str] | None = None,
        set_weights: Mapping[str, float] | pd.Series | None = None,
        labels: Mapping[str, Hashable] | pd.Series | None = None,
        batches: Mapping[str, Hashable] | pd.Series | None = None,
        steps_per_validation: int = 50,
        patience: int | None = 10,
        lr: float = 2e-3,
        weight_decay: float = 1e-4,
        ema_decay: float = 0.999,
        gradient_clip: float = 1.0,
        precision: str = "32-true",
        accelerator: str = "auto",
        devices: int | list[int] | str = 1,
        checkpoint_dir: str | Path | None = None,
        progress_bar: bool = True,
        seed: int = 0,
    ) -> None:
        """Train on sets drawn from the registered data.

        Parameters
        ----------
        max_steps
            Optimiser steps.
        sets_per_batch
            Sets in a step.
        set_size
            Cells of each set that the encoder sees in a step.
        target_size
            Cells of each set that the generator explains in a step.
        disjoint_views
            Whether these are other cells than those that the encoder sees.
        n_mixed
            Sets mixed into one (Dirichlet weights), 1 for none.
        mixing_alpha
            Concentration of those weights.
        validation_fraction
            Share of the sets held out for ``validation_loss``.
        train_sets, validation_sets
            Names of the sets to train and to validate on, in place of a random share; others are not used.
        set_weights
            Weight of each set by name: sets are drawn in proportion, to train and to validate; uniformly by
            default.
        labels
            Class or number of each set by name, missing for those without; for a model with ``label_classes``.
        batches
            Batch of each set by name, for a model with ``batches``.
        steps_per_validation
            Steps between validations.
        patience
            Validations without improvement before training stops; None to never stop early.
        lr, weight_decay, ema_decay, gradient_clip
            Of the optimiser; the exponential average of the weights is what is kept.
        precision, accelerator, devices
            Passed to the trainer.
        checkpoint_dir
            Folder of the training state; a fit that finds its state there resumes it.
        progress_bar
            Whether to show one.
        seed
            Random seed: same seed, machine and number of threads, same result.
        """
        options, data = TrainOptions.of(locals()), self._own_data()
        per_set = told_of_sets(data.names, labels, batches, label_classes=self.label_classes, batch_names=self.batches)
        if per_set and n_mixed > 1:
            msg = f"`n_mixed` must be 1 with labels or batches, which a mixture of sets has not, got {n_mixed}."
            raise ValueError(msg)
        parts = data.split(train_sets, validation_sets, fraction=validation_fraction, seed=seed)
        if self.module.head is not None:
            self.module.head.fit_scaling(torch.from_numpy(trainable(per_set["label"][parts[0]])))
        self._fit(options, parts, set_weights=set_weights, per_set=per_set)

    def start_from(self, other: GDE) -> None:
        """Begin with the weights and units of a trained model of the same networks; the label is one's own.

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
        """Names of the classes that :meth:`predict` knows, none if it predicts a number; None without a label."""
        return self._config["label_classes"]

    @property
    def batches(self) -> list[str] | None:
        """Names of the batches that cells can be drawn as from; None without a batch."""
        return self._config["batches"]

    @torch.no_grad()
    def generate(
        self,
        embedding: np.ndarray,
        n_cells: int = 500,
        *,
        batch: str | Sequence[str | None] | None = None,
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
        seed
            Random seed.

        Returns
        -------
        Cells in the units of the training features, shape ``(S, n_cells, G)``.
        """
        check_count(n_cells, "n_cells")
        check_count(seed, "seed", minimum=0)
        z = torch.from_numpy(np.array(embedding, dtype=np.float32)).to(self.device)
        rng, codes = torch.Generator().manual_seed(seed), torch.from_numpy(codes_of_batch(batch, len(z), self.batches))
        per_batch = max(1, self._max_cells // n_cells)
        parts = [
            self.module.sample(part, n_cells, covariates={"batch": code}, rng=rng).cpu().numpy()
            for part, code in zip(z.split(per_batch), codes.to(self.device).split(per_batch), strict=True)
        ]
        return np.concatenate(parts)
