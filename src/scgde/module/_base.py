from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from scvi.module.base import BaseModuleClass

from scgde.module._batch import as_set_batch
from scgde.nn.cells import check_supported
from scgde.nn.conditions import Conditions
from scgde.nn.encoders import ENCODERS
from scgde.nn.featurizers import FEATURIZERS
from scgde.nn.isometry import Isometry
from scgde.nn.transforms import TRANSFORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scvi.module.base import LossOutput
    from torch import Tensor

    from scgde._types import Config
    from scgde.nn.cells import CellSpec, Measure, SetBatch
    from scgde.nn.conditions import Description
    from scgde.nn.encoders import Encoder
    from scgde.nn.featurizers import Featurizer
    from scgde.nn.transforms import CellTransform


class SetModule(BaseModuleClass):
    """What all modules share: from cells to embeddings, and from embeddings and covariates to a context.

    An embedding is ``encoder(featurizer(transform.encoder_input(cells)), weights)``; a context is the embedding with
    the covariates behind it.

    Parameters
    ----------
    spec
        Cells.
    n_embed
        Dimensions of the embedding.
    encoder
        Name in ``scgde.nn.ENCODERS``; None for a module that embeds no sets.
    encoder_kwargs
        Its options.
    featurizer, featurizer_kwargs
        Name in ``scgde.nn.FEATURIZERS`` and options of what the encoder sees of a cell.
    transform, transform_kwargs
        Name in ``scgde.nn.TRANSFORMS`` and options of what networks see of a cell.
    conditions
        Covariates that follow the embedding in the context, see :class:`~scgde.nn.conditions.Conditions`.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        How W2 is estimated, see :class:`~scgde.nn.isometry.Isometry`.
    """

    transform: CellTransform
    conditions: Conditions
    #: None where no sets are embedded.
    featurizer: Featurizer
    encoder: Encoder
    #: None without a weight: a parameter that gets no gradient fails under several devices.
    isometry: Isometry

    def __init__(
        self,
        spec: CellSpec,
        n_embed: int,
        *,
        encoder: str | None,
        encoder_kwargs: Config | None = None,
        featurizer: str = "identity",
        featurizer_kwargs: Config | None = None,
        transform: str = "affine",
        transform_kwargs: Config | None = None,
        conditions: Mapping[str, Description] | None = None,
        isometry: float = 0.0,
        isometry_ground: str = "sliced",
    ) -> None:
        super().__init__()
        check_supported(TRANSFORMS[transform], spec, "transform", TRANSFORMS)
        self.spec, self.n_embed = spec, n_embed
        self.transform = TRANSFORMS[transform](spec, **(transform_kwargs or {}))
        self.register_module("featurizer", None)
        self.register_module("encoder", None)
        if encoder is not None:
            check_supported(FEATURIZERS[featurizer], spec, "featurizer", FEATURIZERS)
            self.featurizer = FEATURIZERS[featurizer](spec, **(featurizer_kwargs or {}))
            self.encoder = ENCODERS[encoder](self.featurizer.n_output, n_embed, **(encoder_kwargs or {}))
        self.conditions = Conditions(conditions or {})
        self.register_module("isometry", Isometry(ground=isometry_ground) if isometry else None)
        self.isometry_weight = isometry

    @property
    def n_context(self) -> int:
        """Dimensions of a context."""
        return self.n_embed + self.conditions.n_output

    def init_from(self, blocks: Callable[[], Iterable[Tensor]]) -> None:
        """Learn what is known before the first step from the cells of training sets: units, and starts of networks.

        ``blocks`` gives them anew at each call, as blocks of shape ``(n, *shape)``.
        """
        self.transform.fit(blocks())

    def featurize(self, x: Tensor) -> Tensor:
        """What the encoder sees of cells ``(S, M, *shape)``, shape ``(S, M, F)``."""
        return self.featurizer(self.transform.encoder_input(x))

    def embed(self, x: Tensor, weights: Tensor) -> Tensor:
        """Embeddings, shape ``(S, E)``, of cells ``(S, M, *shape)`` with weights ``(S, M)``."""
        return self.encoder(self.featurize(x), weights)

    def context(self, embedding: Tensor, covariates: Mapping[str, Tensor] | None = None) -> Tensor:
        """Context ``(S, C)`` of embeddings ``(S, E)``; a covariate that is not given is missing."""
        if not self.conditions.n_output:
            return embedding
        given = self.conditions(covariates or {}, len(embedding), device=embedding.device)
        return torch.cat([embedding, given.to(embedding.dtype)], dim=-1)

    def with_isometry(self, loss: Tensor, embedding: Tensor, cells: Measure) -> Tensor:
        """``loss`` and, where it has a weight, the misfit of latent distance and W2."""
        if self.isometry is None:
            return loss
        ground = self.transform.ground(cells.x)
        return loss + self.isometry_weight * self.isometry(embedding, ground, cells.weights)

    def forward(self, tensors: SetBatch | dict[str, Tensor], **kwargs: Any) -> tuple[dict, dict, LossOutput]:
        """Embeddings, losses of sets or pairs, and the loss of a batch."""
        batch = as_set_batch(tensors)
        embedded = self.inference(batch)
        losses = self.generative(batch, **embedded)
        return embedded, losses, self.loss(batch, embedded, losses)

    def _get_inference_input(self, tensors: SetBatch | dict[str, Tensor], **kwargs: Any) -> dict[str, SetBatch]:
        return {"batch": as_set_batch(tensors)}

    def _get_generative_input(
        self, tensors: SetBatch | dict[str, Tensor], inference_outputs: dict[str, Tensor], **kwargs: Any
    ) -> dict[str, Any]:
        return {"batch": as_set_batch(tensors), **inference_outputs}

    # Of the transform `affine`, for code that knows vectors only.

    @property
    def center(self) -> Tensor:
        """Centre of the transform, shape ``(G,)``."""
        return self.transform.get_buffer("center")

    @property
    def scale(self) -> Tensor:
        """Scale of the transform, shape ``(G,)``."""
        return self.transform.get_buffer("scale")

    def set_scaling(self, center: Tensor, scale: Tensor) -> None:
        """Set both."""
        self.center.copy_(center)
        self.scale.copy_(scale)

    def standardize(self, x: Tensor) -> Tensor:
        """Cells as generators see them."""
        return self.transform.target(x)

    def restore(self, x: Tensor) -> Tensor:
        """Inverse of :meth:`standardize`."""
        return self.transform.restore(x)
