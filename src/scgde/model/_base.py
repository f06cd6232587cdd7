from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_count, check_non_negative, check_one_of, check_options
from scgde.data import SetIndex, open_store
from scgde.data.representations import Representation
from scgde.model import _io
from scgde.model._description import DescribedModel
from scgde.model._inference import cells_at_once, embed_sets
from scgde.model._views import as_transform
from scgde.nn import ENCODERS
from scgde.nn.linear_core import N_LATENT, default_n_latent, n_core
from scgde.nn.mean_core import n_mean_core
from scgde.train import own_surroundings, seeded

if TYPE_CHECKING:
    from pathlib import Path

    from scgde._types import Config
    from scgde.data import CellStore
    from scgde.module import SetModule
    from scgde.nn.cells import CellSpec
    from scgde.nn.transforms import TransformSpec


class SetModel(DescribedModel):
    """Model of sets of cells: its networks, and what they make of cells. Needs neither scvi-tools nor Lightning."""

    _module_cls: type[SetModule]

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.module.device

    @property
    def config(self) -> Config:
        """Options that make the same networks again, plain values."""
        return dict(self._config)

    @own_surroundings()
    def ground(self, cells: np.ndarray) -> np.ndarray:
        """Coordinates in which distances between modelled cells mean something to the model.

        Parameters
        ----------
        cells
            Observed, generated or transported, shape ``(n, *shape)``.

        Returns
        -------
        float64, shape ``(n, D)``.
        """
        x = torch.from_numpy(np.asarray(cells))
        x = x.double() if x.is_floating_point() else x
        return self.module.target_transform.ground(x[None].to(self.device))[0].double().cpu().numpy()

    def shift(self, cells: np.ndarray, displacement: np.ndarray) -> np.ndarray:
        """Modelled cells ``(n, *shape)`` whose ground coordinates are displaced by ``(D,)``.

        Raises
        ------
        TypeError
            If cells of this kind cannot be shifted.
        """
        x, by = torch.from_numpy(np.asarray(cells)), torch.from_numpy(np.asarray(displacement, dtype=np.float32))
        return self.module.target_transform.shift(x[None].to(self.device), by[None].to(self.device))[0].cpu().numpy()

    def embed(self, x: Any, codes: np.ndarray) -> np.ndarray:
        """Embedding of sets of cells that no AnnData holds.

        Parameters
        ----------
        x
            Cells, dense, sparse or backed, shape ``(n, *shape)``.
        codes
            Set of each cell, 0 .. S - 1, or -1 for none, shape ``(n,)``.

        Returns
        -------
        Shape ``(S, E)``.
        """
        self._check_shape(x.shape[1:], self.module.spec)
        index = SetIndex.from_codes(np.asarray(codes), int(np.max(codes)) + 1)
        return self.embed_store(open_store(x, dtype=self.module.spec.numpy_dtype), index)

    @own_surroundings()
    def embed_store(self, store: CellStore, index: SetIndex, *, n_jobs: int | None = None) -> np.ndarray:
        """Embedding of each set of an index, from all of its cells, shape ``(n_sets, E)``; NaN without cells."""
        self._check_embeds()
        return embed_sets(self.module, store, index, max_cells=self._max_cells, n_jobs=n_jobs)

    @property
    def latent_scale(self) -> float | None:
        """Wasserstein-2 distance between sets per unit of latent distance; None without an isometry term on cells.

        In the units of the features, or of their standard deviations where the scaling is ``"feature"``. Discriminant
        coordinates have no units of cells: None.
        """
        isometry = self.module.isometry
        if isometry is None or isometry.discriminants is not None:
            return None
        return self.module.transform.ground_scale * float(isometry.log_scale.detach().exp())

    def save(self, dir_path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model as ``config.json`` and ``state.safetensors``; the data is not written.

        Parameters
        ----------
        dir_path
            The folder.
        overwrite
            Whether to write over these two files in a folder that is not empty. Other files stay.

        Raises
        ------
        FileExistsError
            If the folder is not empty and ``overwrite`` is False, or holds a pickle, with which :meth:`load` would
            refuse it.
        """
        _io.write_folder(dir_path, self.to_stored(), overwrite=overwrite)

    @own_surroundings()
    def _build(
        self,
        networks: dict[str, Any],
        *,
        n_latent: int | None,
        moments: bool | str = False,
        cells: Representation | CellSpec | Config | None,
        target: Representation | CellSpec | Config | None,
        scaling: str | None,
        seed: int,
        **counts: Any,
    ) -> None:
        """Make the module from the options ``networks``, and ``counts`` of what is stored in another form."""
        check_one_of(networks["encoder"], "encoder", list(ENCODERS))
        seed = check_count(seed, "seed", minimum=0)
        if self._cell_sets is not None:
            cells, scaling = self._cell_sets.encoder.representation, scaling or "common"
        view = as_transform(cells, scaling)
        of_target = None if target is None else as_transform(target, scaling)
        networks = {**networks, "isometry": check_non_negative(networks["isometry"], "isometry")}
        networks |= {name: check_options(value, name) for name, value in networks.items() if name.endswith("_kwargs")}
        networks = _io.plain(networks, "the options of a model")
        if n_latent is None:
            n_latent = default_n_latent(view.cells.size) if moments and view.cells.is_vector else N_LATENT
        n_latent = check_count(n_latent, "n_latent")
        self.representation = cells if isinstance(cells, Representation) else None
        self.target_representation = target if isinstance(target, Representation) else self.representation
        with seeded(seed):
            self.module = self._module_cls(
                view.cells,
                n_latent,
                n_core=_n_core(view, n_latent) if moments else 0,
                transform=view.name,
                transform_kwargs=view.options,
                target=of_target,
                **networks,
                **counts,
            )
        views = {"cells": view.to_config(), "target": None if of_target is None else of_target.to_config()}
        self._config = {**networks, **_io.plain(views, "views"), "n_latent": n_latent, "moments": moments, "seed": seed}
        self.module.eval()

    @property
    def _max_cells(self) -> int:
        return cells_at_once(self.module)

    def _check_shape(self, shape: tuple[int, ...], spec: CellSpec) -> None:
        if tuple(shape) != spec.shape:
            msg = f"Cells must have shape {spec.shape} as in training, got {tuple(shape)}."
            raise ValueError(msg)

    def _check_embeds(self) -> None:
        if not self.module.embeds_new_sets:
            msg = (
                'A model of condition "lookup" has vectors of its training sets only, see `get_embedding`. '
                'To embed other sets, fit with `condition="both"`.'
            )
            raise RuntimeError(msg)


def _n_core(view: TransformSpec, n_latent: int) -> int:
    """Dimensions of an embedding that are known before training."""
    return n_core(view.cells.size, n_latent) if view.cells.is_vector else n_mean_core(view.build(), n_latent)
