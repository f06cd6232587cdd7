from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_flag, check_one_of
from scgde.data import SetIndex, open_store
from scgde.model import _io
from scgde.model._base import SetModel
from scgde.model._cell_states import CellStates
from scgde.model._forecast_mixture import ForecastMixture
from scgde.model._inference import transport_cells
from scgde.module import TDEModule
from scgde.nn import CONDITIONS, TRANSPORTS
from scgde.nn.cells import Ends
from scgde.nn.isometry import GROUNDS
from scgde.predictors import PREDICTORS
from scgde.sets._perturbations import ConditionFeatures
from scgde.train import own_surroundings, rng_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.representations import Representation
    from scgde.nn.cells import CellSpec
    from scgde.predictors import Predictor

#: What is fitted after the module, and stored as parts under the names of the attributes.
_PREDICTORS = ("predictor", "mean_predictor", "share_predictor")
_PARTS: dict[str, Any] = {"conditions": ConditionFeatures, "mixture": ForecastMixture, "states": CellStates}


class BaseTDE(SetModel):
    """What a :class:`TDE` says of cells and embeddings; options are those of the class."""

    stored_as = "TDE"
    _module_cls = TDEModule
    module: TDEModule

    predictor: Predictor | None = None
    mean_predictor: Predictor | None = None
    share_predictor: Predictor | None = None
    states: CellStates | None = None
    conditions: ConditionFeatures | None = None
    mixture: ForecastMixture | None = None

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        transport: str = "flow_matching",
        condition: str = "both",
        featurizer: str = "identity",
        n_latent: int | None = None,
        moments: bool = False,
        encoder_kwargs: dict[str, Any] | None = None,
        transport_kwargs: dict[str, Any] | None = None,
        featurizer_kwargs: dict[str, Any] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
        scaling: str | None = None,
        cells: Representation | CellSpec | Config | None = None,
        target: Representation | CellSpec | Config | None = None,
        n_sets: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(adata)
        check_one_of(transport, "transport", list(TRANSPORTS))
        check_one_of(condition, "condition", list(CONDITIONS))
        if check_flag(moments, "moments") and condition != "both":
            msg = f'`moments` must be False unless `condition` is "both", got {condition!r}.'
            raise ValueError(msg)
        if self._cell_sets is not None:
            n_sets = len(self._cell_sets.names)
        networks = {
            "encoder": encoder,
            "transport": transport,
            "condition": condition,
            "featurizer": featurizer,
            "encoder_kwargs": encoder_kwargs or {},
            "transport_kwargs": transport_kwargs or {},
            "featurizer_kwargs": featurizer_kwargs or {},
            "isometry": isometry,
            "isometry_ground": check_one_of(isometry_ground, "isometry_ground", list(GROUNDS)),
            "n_sets": None if CONDITIONS[condition].embeds_new_sets else n_sets,
        }
        self._build(
            networks, n_latent=n_latent, moments=moments, cells=cells, target=target, scaling=scaling, seed=seed
        )
        self._model_summary_string = f"TDE: {encoder} -> {self.module.n_embed} -> {transport}"

    @own_surroundings()
    def transport(
        self,
        x: Any,
        codes: np.ndarray,
        source_embedding: np.ndarray,
        target_embedding: np.ndarray,
        *,
        times: Sequence[float] = (1.0,),
        seed: int = 0,
    ) -> np.ndarray:
        """Transport cells, each by the embeddings of its set and of the set that it is transported to.

        Parameters
        ----------
        x
            Features, dense, sparse or backed, shape ``(n, G)``.
        codes
            Set of each cell, a row of the embeddings, or -1 for none, shape ``(n,)``.
        source_embedding, target_embedding
            Of each set, and of what it is transported to, shape ``(S, E)`` each.
        times
            Times on the path of each cell: in [0, 1] and not decreasing, 0 at the source, 1 at the target.
        seed
            Random seed of a transport that draws.

        Returns
        -------
        Cells in the units of the training features, shape ``(T, n, G)``; NaN for cells in no set.

        Raises
        ------
        ValueError
            If shapes do not belong together, or ``times`` are none.
        """
        self._check_shape(x.shape[1:], self.module.target_spec)
        codes = np.asarray(codes)
        embeddings = [np.ascontiguousarray(z, dtype=np.float32) for z in (source_embedding, target_embedding)]
        _check_ends(codes, x.shape[0], *embeddings, n_latent=self._config["n_latent"])
        rng = rng_of(seed)
        ends, index = Ends(*map(torch.from_numpy, embeddings)), SetIndex.from_codes(codes, len(embeddings[0]))
        transported = np.full((len(times), *x.shape), np.nan, dtype=np.float32)
        store = open_store(x, dtype=self.module.target_spec.numpy_dtype)
        options: dict[str, Any] = {"times": times, "rng": rng, "max_cells": self._max_cells}
        transport_cells(self.module, store, index, ends, transported, **options)
        return transported

    def _lines(self) -> dict[str, str]:
        mixed = {} if self.mixture is None else {"forecast": str(self.mixture)}
        return super()._lines() | mixed

    def _stored_parts(self) -> dict[str, _io.Stored]:
        parts = {name: getattr(self, name) for name in (*_PREDICTORS, *_PARTS)}
        own = {name: _io.Stored(*part.to_stored()) for name, part in parts.items() if part is not None}
        return super()._stored_parts() | own

    def _read_part(self, name: str, stored: _io.Stored) -> None:
        if name in _PREDICTORS:
            setattr(self, name, PREDICTORS[stored.config["name"]].from_stored(*stored))
        elif name in _PARTS:
            setattr(self, name, _PARTS[name].from_stored(*stored))
        else:
            super()._read_part(name, stored)


def _check_ends(codes: np.ndarray, n_cells: int, source: np.ndarray, target: np.ndarray, *, n_latent: int) -> None:
    """Require two embeddings of each set, ``(S, E)``, and for each cell the set that it is in."""
    expected = (len(source), n_latent)
    for name, embedding in (("source_embedding", source), ("target_embedding", target)):
        if embedding.shape != expected or not np.isfinite(embedding).all():
            msg = f"`{name}` must be finite and of shape {expected}, got shape {embedding.shape}."
            raise ValueError(msg)
    if codes.shape != (n_cells,) or codes.min(initial=-1) < -1 or codes.max(initial=-1) >= len(source):
        msg = f"`codes` must hold a row of {len(source)} embeddings, or -1, for each of {n_cells} cells."
        raise ValueError(msg)
