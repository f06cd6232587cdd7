from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from scgde._checks import check_flag, check_non_negative, check_one_of
from scgde.model._base import SetModel
from scgde.model._generation import generate_parts
from scgde.module import GDEModule
from scgde.nn import GENERATORS
from scgde.nn.isometry import GROUNDS
from scgde.train import own_surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.representations import Representation
    from scgde.nn.cells import CellSpec

#: Moments that are dropped in training, and of what share of the sets of a step.
DROPOUT, _MOMENT_DROPOUT = "dropout", 0.25


class BaseGDE(SetModel):
    """What a :class:`GDE` says of cells and embeddings; options are those of the class."""

    stored_as = "GDE"
    _module_cls = GDEModule
    module: GDEModule

    def __init__(
        self,
        adata: AnnData | None = None,
        *,
        encoder: str = "pooled_gnn",
        generator: str = "flow_matching",
        featurizer: str = "identity",
        n_latent: int | None = None,
        moments: bool | str = False,
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
        super().__init__(adata)
        check_one_of(generator, "generator", list(GENERATORS))
        if check_moments(moments) and batches is not None:
            msg = f"`moments` must be False with batches, which a fixed map is not independent of, got {moments!r}."
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
            moment_dropout=_MOMENT_DROPOUT if moments == DROPOUT else 0.0,
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


def check_moments(value: Any) -> bool | str:
    """Return ``value`` as True, False or ``"dropout"``."""
    return check_one_of(value, "moments", [DROPOUT]) if isinstance(value, str) else check_flag(value, "moments")
