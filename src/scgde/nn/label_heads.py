"""Predictions of the label of a set from its embedding."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional


class LabelHead(nn.Module, ABC):
    """Linear prediction of a label that most sets may lack: codes of classes or numbers as floats, NaN where missing.

    Parameters
    ----------
    n_embed
        Dimensions of the embedding.
    n_outputs
        Numbers that are predicted of a set.
    """

    def __init__(self, n_embed: int, n_outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_embed, n_outputs)

    def outputs(self, embedding: Tensor) -> Tensor:
        """Probabilities of the classes, or numbers in the scale of the labels, ``(S, E)`` to ``(S, C)``."""
        return self._outputs(self.linear(embedding))

    def loss(self, embedding: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of the labelled sets, a scalar; 0 where there are none.

        Parameters
        ----------
        embedding
            One per set, shape ``(S, E)``.
        labels
            NaN for none, shape ``(S,)``.
        """
        # All rows, with a stand-in for what is missing: how many are known is not asked from the device.
        known = ~labels.isnan()
        losses = self._losses(self.linear(embedding), labels.nan_to_num(0.0))
        return torch.where(known, losses, 0.0).sum() / known.sum().clamp_min(1)

    def fit_scaling(self, labels: Tensor) -> None:
        """Weigh classes, or scale numbers, by the training labels ``(S,)``."""
        self._fit_scaling(labels[~labels.isnan()])

    @torch.no_grad()
    def init_from_linear(self, coef: Tensor, intercept: Tensor) -> None:
        """Predict ``embedding @ coef.T + intercept``, logits or numbers; ``(C, E)``, ``(C,)``; after the scaling."""
        coef, intercept = self._raw(coef, intercept)
        self.linear.weight.copy_(coef)
        self.linear.bias.copy_(intercept)

    @abstractmethod
    def _outputs(self, raw: Tensor) -> Tensor: ...

    @abstractmethod
    def _losses(self, raw: Tensor, labels: Tensor) -> Tensor: ...

    @abstractmethod
    def _fit_scaling(self, labels: Tensor) -> None: ...

    @abstractmethod
    def _raw(self, coef: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]: ...


class ClassHead(LabelHead):
    """Softmax over classes, trained by cross entropy.

    Parameters
    ----------
    n_embed
        Dimensions of the embedding.
    n_classes
        Number of classes.
    balanced
        Whether all classes count the same, however many sets have them.
    """

    class_weights: Tensor

    def __init__(self, n_embed: int, n_classes: int, *, balanced: bool = True) -> None:
        super().__init__(n_embed, n_classes)
        self.balanced = balanced
        self.register_buffer("class_weights", torch.ones(n_classes))

    def _outputs(self, raw: Tensor) -> Tensor:
        return raw.softmax(-1)

    def _losses(self, raw: Tensor, labels: Tensor) -> Tensor:
        codes = labels.long()
        return self.class_weights[codes] * functional.cross_entropy(raw, codes, reduction="none")

    def _fit_scaling(self, labels: Tensor) -> None:
        if not self.balanced:
            return
        counts = labels.long().bincount(minlength=len(self.class_weights))
        there = counts > 0
        self.class_weights.copy_(torch.where(there, counts.sum() / (there.sum() * counts.clamp_min(1)), 0.0))

    def _raw(self, coef: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]:
        return coef, intercept


class NumberHead(LabelHead):
    """Regression of one number in units of its standard deviation, trained by squared error.

    Parameters
    ----------
    n_embed
        Dimensions of the embedding.
    """

    center: Tensor
    scale: Tensor

    def __init__(self, n_embed: int) -> None:
        super().__init__(n_embed, 1)
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def _outputs(self, raw: Tensor) -> Tensor:
        return raw * self.scale + self.center

    def _losses(self, raw: Tensor, labels: Tensor) -> Tensor:
        return (raw[:, 0] - (labels - self.center) / self.scale).square()

    def _fit_scaling(self, labels: Tensor) -> None:
        self.center.copy_(labels.mean())
        self.scale.copy_(labels.std(correction=0).clamp_min(1e-12))

    def _raw(self, coef: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]:
        return coef / self.scale, (intercept - self.center) / self.scale


def label_head(n_embed: int, n_classes: int, *, balanced: bool) -> LabelHead:
    """Head of a label of ``n_classes`` classes, 0 if it is a number."""
    return ClassHead(n_embed, n_classes, balanced=balanced) if n_classes else NumberHead(n_embed)
