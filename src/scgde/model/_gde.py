from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import LayerField, ObsmField
from scvi.model.base import BaseModelClass

import scgde
from scgde._checks import check_count, check_fraction, check_one_of
from scgde.model import _io
from scgde.model._decoder import PCADecoder
from scgde.model._embedding import embed_sets
from scgde.model._scaling import SCALINGS, Scaling, fit_scaling
from scgde.module import GDEModule
from scgde.nn.encoders import encoders
from scgde.nn.generators import generators
from scgde.sets import (
    SET_KEY,
    BatchSpec,
    Features,
    SetField,
    SetIndex,
    SetSplitter,
    hold_out,
    open_features,
    set_codes,
    set_names,
)
from scgde.train import SetTrainingPlan, run_training, seeded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from anndata import AnnData

    from scgde._types import Config

_CELLS_PER_BATCH = 65_536
_BLANK_REGISTRY = {"field_registries": {}, "setup_args": {}, "model_name": "GDE"}


class GDE(BaseModelClass):
    """Generative distribution embeddings: one vector per set of cells, and a generator of cells from the vector.

    Parameters
    ----------
    adata
        Registered with :meth:`setup_anndata`; None for a model that only embeds and generates.
    encoder, generator
        Names in ``scgde.nn.encoders.encoders`` and ``scgde.nn.generators.generators``.
    n_latent
        Dimensions of the embedding.
    encoder_kwargs, generator_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to sliced W2; 0 for none.
    scaling
        ``"feature"`` gives each feature unit variance, ``"common"`` divides all by one number, so that distances keep
        their proportions, ``"none"`` leaves them.
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
    _data_splitter_cls = SetSplitter
    _training_plan_cls = SetTrainingPlan

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        generator: str = "flow_matching",
        n_latent: int = 32,
        encoder_kwargs: dict[str, Any] | None = None,
        generator_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        scaling: str = "common",
        n_features: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata, registry=_BLANK_REGISTRY if adata is None else None)
        check_one_of(encoder, "encoder", list(encoders))
        check_one_of(generator, "generator", list(generators))
        check_one_of(scaling, "scaling", SCALINGS)
        check_count(n_latent, "n_latent")
        self._scaling = scaling
        self._features: Features | None = None
        self._history: pd.DataFrame | None = None
        self.decoder: PCADecoder | None = None
        self.source: Config | None = None
        self._config = {
            "encoder": encoder,
            "generator": generator,
            "n_latent": n_latent,
            "encoder_kwargs": encoder_kwargs or {},
            "generator_kwargs": generator_kwargs or {},
            "isometry": isometry,
            "scaling": scaling,
            "n_features": n_features if adata is None else self._open_features().n_features,
            "seed": seed,
        }
        with seeded(seed):
            self.module = self._module_cls(
                self._config["n_features"],
                n_latent,
                encoder=encoder,
                generator=generator,
                encoder_kwargs=encoder_kwargs,
                generator_kwargs=generator_kwargs,
                isometry=isometry,
            )
        self.module.eval()
        self._model_summary_string = f"GDE: {encoder} -> {n_latent} -> {generator}"
        self.init_params_ = self._get_init_params(locals())

    @classmethod
    def setup_anndata(
        cls, adata: AnnData, set_key: str, *, use_rep: str | None = None, layer: str | None = None, **kwargs: Any
    ) -> None:
        """Register the column of sets and the features.

        Parameters
        ----------
        adata
            Annotated data.
        set_key
            Column of ``obs`` that names the set of each cell; missing for none.
        use_rep
            Entry of ``obsm`` with the features; ``X`` or ``layer`` if absent.
        layer
            Layer with the features.
        **kwargs
            For scvi-tools.
        """
        setup_method_args = cls._get_setup_method_args(**locals())
        features = (
            LayerField(REGISTRY_KEYS.X_KEY, layer, is_count_data=False)
            if use_rep is None
            else ObsmField(REGISTRY_KEYS.X_KEY, use_rep)
        )
        manager = AnnDataManager(fields=[features, SetField(set_key)], setup_method_args=setup_method_args)
        manager.register_fields(adata, **kwargs)
        cls.register_manager(manager)

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
            Names of the sets to train and to validate on, in place of a random share; other sets are not used.
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
            Random seed: same seed, same machine, same result.
        """
        check_count(max_steps, "max_steps")
        check_fraction(validation_fraction, "validation_fraction")
        self._require_data()
        index, names = self._index()
        parts = self._split(names, train_sets, validation_sets, validation_fraction, seed)
        features = self._open_features()
        self._set_scaling(fit_scaling(features, index, parts[0], method=self._scaling))
        data = self._data_splitter_cls(
            features,
            index,
            train_sets=parts[0],
            validation_sets=parts[1],
            spec=BatchSpec(sets_per_batch, set_size, target_size, disjoint_views, n_mixed, mixing_alpha),
            steps_per_epoch=steps_per_validation,
            max_steps=max_steps,
            seed=seed,
        )
        plan = self._training_plan_cls(
            self.module, max_steps=max_steps, lr=lr, weight_decay=weight_decay, ema_decay=ema_decay, seed=seed
        )
        self._history = run_training(
            plan,
            data,
            max_steps=max_steps,
            patience=patience,
            validate=len(parts[1]) > 0,
            checkpoint_dir=checkpoint_dir,
            progress_bar=progress_bar,
            accelerator=accelerator,
            devices=devices,
            precision=precision,
            gradient_clip_val=gradient_clip,
        )
        self.module.eval()
        self.is_trained_ = True

    @property
    def history(self) -> pd.DataFrame:
        """Columns step, train_loss, validation_loss; empty before training."""
        return pd.DataFrame() if self._history is None else self._history

    @torch.no_grad()
    def get_embedding(self, adata: AnnData | None = None) -> pd.DataFrame:
        """Embedding of each set, from all of its cells.

        Parameters
        ----------
        adata
            Data with the same features and any sets; the registered data if absent.

        Returns
        -------
        One row per set, indexed by name, shape ``(n_sets, E)``.
        """
        if adata is not None:
            adata = self._validate_anndata(adata)
        self._require_data(adata)
        index, names = self._index(adata)
        embedding = embed_sets(self.module, self._open_features(adata), index, max_cells=_CELLS_PER_BATCH)
        return pd.DataFrame(embedding, index=names)

    def embed(self, x: Any, codes: np.ndarray) -> np.ndarray:
        """Embedding of sets of cells that no AnnData holds.

        Parameters
        ----------
        x
            Features, dense, sparse or backed, shape ``(n, G)``.
        codes
            Set of each cell, 0 .. S - 1, or -1 for none, shape ``(n,)``.

        Returns
        -------
        Shape ``(S, E)``.
        """
        index = SetIndex.from_codes(np.asarray(codes), int(np.max(codes)) + 1)
        return embed_sets(self.module, open_features(x), index, max_cells=_CELLS_PER_BATCH)

    @torch.no_grad()
    def generate(self, embedding: np.ndarray, n_cells: int = 500, *, seed: int = 0) -> np.ndarray:
        """Draw cells from the distributions that embeddings stand for.

        Parameters
        ----------
        embedding
            Shape ``(S, E)``.
        n_cells
            Cells per set.
        seed
            Random seed.

        Returns
        -------
        Cells in the units of the training features, shape ``(S, n_cells, G)``.
        """
        check_count(n_cells, "n_cells")
        z = torch.as_tensor(np.asarray(embedding, dtype=np.float32), device=self.device)
        rng = torch.Generator().manual_seed(seed)
        per_batch = max(1, _CELLS_PER_BATCH // n_cells)
        parts = [self.module.sample(part, n_cells, rng=rng).cpu().numpy() for part in z.split(per_batch)]
        return np.concatenate(parts)

    def to_stored(self) -> _io.Stored:
        """The model as plain values and arrays."""
        state = {f"module.{name}": value.cpu().numpy() for name, value in self.module.state_dict().items()}
        if self.decoder is not None:
            state |= {"decoder.components": self.decoder.components, "decoder.mean": self.decoder.mean}
        history = self.history.astype(object).where(self.history.notna(), None).to_dict("list")
        genes = self.decoder.genes if self.decoder is not None else None
        config = {"version": scgde.__version__, "init": self._config, "genes": genes, "history": history}
        return _io.Stored(config | {"class": type(self).__name__, "source": self.source}, state)

    @classmethod
    def from_stored(cls, stored: _io.Stored) -> GDE:
        """Inverse of :meth:`to_stored`; the model has no data attached."""
        if stored.config.get("class") != cls.__name__:
            msg = f"The stored model must be a {cls.__name__}, got {stored.config.get('class')!r}."
            raise ValueError(msg)
        model = cls(None, **stored.config["init"])
        weights = {name.removeprefix("module."): torch.from_numpy(value) for name, value in stored.state.items()}
        model.module.load_state_dict({name: weights[name] for name in model.module.state_dict()})
        if stored.config["genes"] is not None:
            components, mean = stored.state["decoder.components"], stored.state["decoder.mean"]
            model.decoder = PCADecoder(stored.config["genes"], components, mean)
        model.source = stored.config["source"]
        model._history = pd.DataFrame(stored.config["history"]).astype({"step": int}, errors="ignore")
        model.is_trained_ = True
        return model

    def save(self, dir_path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as ``config.json`` and ``state.safetensors``; the data is not written.

        Raises
        ------
        FileExistsError
            If the folder is not empty and ``overwrite`` is False.
        """
        _io.write_folder(dir_path, self.to_stored(), overwrite=overwrite)

    @classmethod
    def load(cls, dir_path: str | Path, *, adata: AnnData | None = None) -> GDE:
        """Read a model written by :meth:`save`; a folder with a pickle in it is refused.

        Parameters
        ----------
        dir_path
            The folder.
        adata
            Data registered with :meth:`setup_anndata` to attach.
        """
        model = cls.from_stored(_io.read_folder(dir_path))
        if adata is not None:
            model._attach(adata)
        return model

    def _attach(self, adata: AnnData) -> None:
        self._adata = adata
        self._adata_manager = self._get_most_recent_anndata_manager(adata, required=True)
        self._register_manager_for_instance(self._adata_manager)
        self.registry_ = self._adata_manager.registry
        self.summary_stats = self._adata_manager.summary_stats

    def _require_data(self, adata: AnnData | None = None) -> None:
        if adata is None and self.adata is None:
            msg = "Data is required, but this model was loaded without. Pass `adata`, or use `scgde.tl.embed`."
            raise RuntimeError(msg)

    def _manager(self, adata: AnnData | None) -> AnnDataManager:
        return self.adata_manager if adata is None else self.get_anndata_manager(adata, required=True)

    def _index(self, adata: AnnData | None = None) -> tuple[SetIndex, pd.Index]:
        manager = self._manager(adata)
        # Not through `get_from_registry`, which turns a categorical into an array of objects.
        column = manager.adata.obs[manager.data_registry[SET_KEY]["attr_key"]]
        names = set_names(column)
        return SetIndex.from_codes(set_codes(column).to_numpy(), len(names)), names

    def _open_features(self, adata: AnnData | None = None) -> Features:
        if adata is not None:
            return open_features(self._manager(adata).get_from_registry(REGISTRY_KEYS.X_KEY))
        if self._features is None:
            self._features = open_features(self._manager(None).get_from_registry(REGISTRY_KEYS.X_KEY))
        return self._features

    def _split(
        self,
        names: pd.Index,
        train_sets: Sequence[str] | None,
        validation_sets: Sequence[str] | None,
        fraction: float,
        seed: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        if train_sets is None:
            return hold_out(len(names), fraction, seed=seed)
        return names.get_indexer_for(list(train_sets)), names.get_indexer_for(list(validation_sets or []))

    def _set_scaling(self, scaling: Scaling) -> None:
        self.module.center.copy_(torch.from_numpy(scaling.center))
        self.module.scale.copy_(torch.from_numpy(scaling.scale))
