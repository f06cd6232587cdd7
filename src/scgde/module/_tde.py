from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from scgde.module._base import SetModule
from scgde.module._loss_output import LossOutput
from scgde.module._virtual_batch import with_virtual_sets
from scgde.nn.cells import Ends, Measure, check_supported
from scgde.nn.transports import CONDITIONS, TRANSPORTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from scgde._types import Config
    from scgde.nn.cells import CellSpec, SetBatch


class TDEModule(SetModule):
    """Set encoder and conditional transport, trained end to end.

    Parameters
    ----------
    spec
        Cells.
    n_embed
        Dimensions of the embedding.
    encoder
        Name in ``scgde.nn.ENCODERS``; not built where the condition embeds no new sets.
    transport, transport_kwargs
        Name in ``scgde.nn.TRANSPORTS``, and its options.
    condition
        Name in ``scgde.nn.transports.CONDITIONS``. ``"both"``: the embeddings of source and target.
        ``"source"``: that of the source. ``"lookup"``: a learnt vector for each set, which no other set has.
    n_sets
        Number of sets, for ``"lookup"``.
    **options
        See :class:`SetModule`.

    References
    ----------
    :cite:t:`Fishman26`.
    """

    def __init__(
        self,
        spec: CellSpec,
        n_embed: int,
        *,
        encoder: str,
        transport: str,
        transport_kwargs: Config | None = None,
        condition: str = "both",
        n_sets: int | None = None,
        **options: Any,
    ) -> None:
        embeds_new_sets = CONDITIONS[condition].embeds_new_sets
        super().__init__(spec, n_embed, encoder=encoder if embeds_new_sets else None, **options)
        check_supported(TRANSPORTS[transport], self.target_spec, "transport", TRANSPORTS)
        self.transport = TRANSPORTS.make(transport, self.target_spec, self.n_context, options=transport_kwargs)
        self.conditioning = CONDITIONS[condition](n_embed, n_sets=n_sets)

    def push(
        self,
        x: Tensor,
        source_embedding: Tensor,
        target_embedding: Tensor,
        *,
        covariates: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] | None = None,
        times: Sequence[float] = (1.0,),
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Transport cells ``(S, M, *shape)``, shape ``(T, S, M, *shape)``, in the units of the data.

        By the embeddings ``(S, E)`` and, where there are any, the covariates of source and target.
        """
        context = self._ends(source_embedding, target_embedding, *(covariates or ({}, {})))
        transform, start, end = self.target_transform, self.frame(source_embedding), self.frame(target_embedding)
        cells = transform.target(x)
        if start is None or end is None:
            return transform.restore(self.transport.push(cells, context, times=times, rng=rng))
        path = self.transport.push(start.inside(cells), context, times=times, rng=rng)
        frames = [start.towards(end, time) for time in times]
        return transform.restore(torch.stack([frame.outside(x) for frame, x in zip(frames, path, strict=True)]))

    def learnt_embedding(self) -> Tensor | None:
        return self.conditioning.learnt_embedding()

    def _ends(
        self, source: Tensor, target: Tensor, of_source: Mapping[str, Tensor], of_target: Mapping[str, Tensor]
    ) -> Ends:
        ends = self.conditioning.ends(source, target)
        return Ends(self.context(ends.source, of_source), self.context(ends.target, of_target))

    def _ends_of_pairs(self, batch: SetBatch, embedding: Tensor) -> Ends:
        ends = (batch.source, batch.destination)
        of_source, of_target = ({name: values[rows] for name, values in batch.covariates.items()} for rows in ends)
        source, target = (embedding[rows] for rows in ends)
        if batch.without_target is not None:
            target = target.masked_fill(batch.without_target[:, None], 0.0)
        return self._ends(source, target, of_source, of_target)

    def forward(self, tensors: SetBatch) -> tuple[dict, dict, LossOutput]:
        return super().forward(with_virtual_sets(self, tensors)[0] if self.training else tensors)

    def inference(self, batch: SetBatch) -> dict[str, Tensor]:
        return {"embedding": self.conditioning.embeddings(batch, self.embed_batch)}

    def generative(self, batch: SetBatch, embedding: Tensor) -> dict[str, Tensor]:
        x, weights = self.target_transform.target(batch.target.x), batch.target.weights
        frame = self.frame(embedding)
        x = x if frame is None else frame.inside(x)
        source, target = (Measure(x[rows], weights[rows]) for rows in (batch.source, batch.destination))
        return {"loss": self.transport.loss(source, target, self._ends_of_pairs(batch, embedding))}

    def loss(
        self,
        tensors: SetBatch,
        inference_outputs: dict[str, Tensor],
        generative_outputs: dict[str, Tensor],
    ) -> LossOutput:
        per_pair, embedding = generative_outputs["loss"], inference_outputs["embedding"]
        loss = self.with_isometry(per_pair.mean(), embedding, tensors.encoder)
        return LossOutput(loss)
