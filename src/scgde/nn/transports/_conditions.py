from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from scgde._checks import check_count
from scgde._registry import Registry
from scgde.nn.cells import Ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from scgde.nn.cells import SetBatch


class TransportCondition(nn.Module, ABC):
    """What a transport is conditioned on: where the embeddings of sets come from, and which of them it sees.

    A subclass is made as ``Condition(n_embed, *, n_sets=None)``.
    """

    #: Whether a predictor has to give the embedding of a target that is not known.
    needs_predictor: ClassVar[bool]
    #: Whether sets that were not trained on have an embedding: there is an encoder.
    embeds_new_sets: ClassVar[bool]

    @abstractmethod
    def embeddings(self, batch: SetBatch, embed: Callable[[SetBatch], Tensor]) -> Tensor:
        """Embeddings of the sets of a batch, shape ``(S, E)``; ``embed`` is the encoder of a model that has one."""

    @abstractmethod
    def ends(self, source: Tensor, target: Tensor) -> Ends:
        """What the transport sees of the embeddings of both ends, ``(S, E)`` each."""

    @abstractmethod
    def learnt_embedding(self) -> Tensor | None:
        """Vectors of the training sets, shape ``(S, E)``, where these are learnt; None where there is an encoder."""


CONDITIONS: Registry[TransportCondition] = Registry("condition")


@CONDITIONS.register("both")
class BothEmbeddings(TransportCondition):
    """The embeddings of source and target: any set can be transported to any other.

    Parameters
    ----------
    n_embed, n_sets
        Not used: nothing is learnt.
    """

    needs_predictor, embeds_new_sets = True, True

    def __init__(self, n_embed: int, *, n_sets: int | None = None) -> None:
        super().__init__()

    def embeddings(self, batch: SetBatch, embed: Callable[[SetBatch], Tensor]) -> Tensor:
        return embed(batch)

    def ends(self, source: Tensor, target: Tensor) -> Ends:
        return Ends(source, target)

    def learnt_embedding(self) -> Tensor | None:
        return None


@CONDITIONS.register("source")
class SourceOnly(TransportCondition):
    """The embedding of the source alone: it learns from pairs only, and forecasts without a predictor.

    Parameters
    ----------
    n_embed, n_sets
        Not used: nothing is learnt.
    """

    needs_predictor, embeds_new_sets = False, True

    def __init__(self, n_embed: int, *, n_sets: int | None = None) -> None:
        super().__init__()

    def embeddings(self, batch: SetBatch, embed: Callable[[SetBatch], Tensor]) -> Tensor:
        return embed(batch)

    def ends(self, source: Tensor, target: Tensor) -> Ends:
        return Ends(source, torch.zeros_like(target))

    def learnt_embedding(self) -> Tensor | None:
        return None


@CONDITIONS.register("lookup")
class LookupTable(TransportCondition):
    """A learnt vector for each training set, which no other set has.

    Parameters
    ----------
    n_embed
        Dimensions of a vector.
    n_sets
        Number of vectors.

    Raises
    ------
    TypeError
        If ``n_sets`` is not given.
    """

    needs_predictor, embeds_new_sets = True, False

    def __init__(self, n_embed: int, *, n_sets: int | None = None) -> None:
        super().__init__()
        self.table = nn.Embedding(check_count(n_sets, "n_sets"), n_embed)

    def embeddings(self, batch: SetBatch, embed: Callable[[SetBatch], Tensor]) -> Tensor:
        return self.table(batch.sets)

    def ends(self, source: Tensor, target: Tensor) -> Ends:
        return Ends(source, target)

    def learnt_embedding(self) -> Tensor | None:
        return self.table.weight
