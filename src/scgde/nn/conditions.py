"""What a set is conditioned on besides its embedding: covariates as one vector per set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from scgde._checks import check_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    #: Number of classes, a table of features with a row for each class ``(K, d)``, or None for a number.
    Description = int | Tensor | None


class Conditions(nn.Module):
    """Covariates of sets as one context vector per set.

    A class is one-hot, so that the first linear layer of a network that sees it is a learnt table; or a row of a table
    of given features; a number is itself, in units of its standard deviation. A missing one is the mean over classes,
    or over sets.

    Parameters
    ----------
    covariates
        By name, the number of classes of a covariate, a table of features of its classes ``(K, d)``, or None for a
        number. They follow each other in the context.

    Attributes
    ----------
    n_output
        Dimensions of the context.
    """

    def __init__(self, covariates: Mapping[str, Description]) -> None:
        super().__init__()
        # By position: a name may be none that a module can have.
        self.names = list(covariates)
        self.parts = nn.ModuleList(_part(description) for description in covariates.values())
        self.n_output = sum(part.n_output for part in self._parts().values())

    def fit(self, covariates: Mapping[str, Tensor]) -> None:
        """Learn the units of numbers from values of training sets, each of shape ``(S,)``, NaN where missing."""
        for name, part in self._parts().items():
            if isinstance(part, _Number):
                part.fit(covariates[name])

    def forward(self, covariates: Mapping[str, Tensor], n_sets: int, *, device: torch.device | None = None) -> Tensor:
        """Context of each set.

        Parameters
        ----------
        covariates
            By name, codes of classes, -1 where missing, or numbers, NaN where missing, shape ``(S,)`` each. A
            covariate that is not among them is missing for all sets.
        n_sets
            ``S``.
        device
            Of the context; that of the covariates and tables as well.

        Returns
        -------
        Shape ``(S, n_output)``.
        """
        parts = [torch.zeros(n_sets, 0, device=device)]
        for name, part in self._parts().items():
            values = covariates[name] if name in covariates else part.missing(n_sets)
            parts.append(part(values.to(device)))
        return torch.cat(parts, dim=-1)

    def _parts(self) -> dict[str, _Condition]:
        return dict(zip(self.names, self.parts, strict=True))  # type: ignore[arg-type]


def _part(description: Description) -> _Condition:
    if description is None:
        return _Number()
    if isinstance(description, Tensor):
        return _Features(description)
    return _OneHot(check_count(description, "n_classes"))


class _Condition(nn.Module, ABC):
    n_output: int

    @abstractmethod
    def missing(self, n_sets: int) -> Tensor:
        """Values of sets for which it is missing, shape ``(S,)``."""


class _OneHot(_Condition):
    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.n_output = n_classes

    def missing(self, n_sets: int) -> Tensor:
        return torch.full((n_sets,), -1)

    def forward(self, codes: Tensor) -> Tensor:
        one_hot = functional.one_hot(codes.clamp_min(0), self.n_output).float()
        return torch.where(codes[:, None] < 0, 1 / self.n_output, one_hot)


class _Features(_Condition):
    table: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.register_buffer("table", table.float())
        self.n_output = table.shape[1]

    def missing(self, n_sets: int) -> Tensor:
        return torch.full((n_sets,), -1)

    def forward(self, codes: Tensor) -> Tensor:
        return torch.where(codes[:, None] < 0, self.table.mean(0), self.table[codes.clamp_min(0)])


class _Number(_Condition):
    n_output = 1

    center: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, values: Tensor) -> None:
        values = values[~values.isnan()].double()
        spread = values.std(correction=0)
        self.center.copy_(values.mean())
        # A number that does not vary cannot be scaled.
        self.scale.copy_(spread if spread > 1e-12 else torch.ones(()))

    def missing(self, n_sets: int) -> Tensor:
        return torch.full((n_sets,), torch.nan)

    def forward(self, values: Tensor) -> Tensor:
        return ((values - self.center) / self.scale).nan_to_num(0.0)[:, None]
