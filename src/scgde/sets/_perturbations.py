"""Perturbations: their single parts, and what is known of each part."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Between the single perturbations of a combination.
PLUS = "+"


def parts_of(perturbation: str) -> list[str]:
    """Single perturbations of a combination ``"A+B"``, in its order."""
    return [part for part in perturbation.split(PLUS) if part]


def singles_of(perturbations: Iterable[str]) -> list[str]:
    """Single perturbations of which some combinations consist, each once, in alphabetical order."""
    return sorted({part for name in perturbations for part in parts_of(name)})


@dataclass(frozen=True)
class ConditionFeatures:
    """What is known of each single perturbation: the features of a combination are the sum of those of its parts.

    Attributes
    ----------
    names
        Of the single perturbations.
    columns
        Of the features.
    values
        Shape ``(n, c)``.
    """

    names: list[str]
    columns: list[str]
    values: np.ndarray

    @classmethod
    def one_hot(cls, perturbations: Iterable[str]) -> Self:
        """A feature for each single perturbation: a combination is known by its parts alone."""
        names = singles_of(perturbations)
        return cls(names, names, np.eye(len(names)))

    @classmethod
    def from_frame(cls, table: pd.DataFrame, perturbations: Iterable[str]) -> Self:
        """Features that a user gives, a row for each single perturbation.

        Raises
        ------
        KeyError
            If a single perturbation has no row.
        TypeError
            If it is no table of numbers.
        ValueError
            If a name comes twice, or a value is not finite.
        """
        if not isinstance(table, pd.DataFrame):
            msg = (
                f"`condition_features` must be a DataFrame indexed by single perturbation, got {type(table).__name__}."
            )
            raise TypeError(msg)
        names, values = table.index.astype(str).tolist(), _numbers(table)
        missing = [name for name in singles_of(perturbations) if name not in set(names)]
        if missing:
            msg = (
                f"`condition_features` must have a row for each single perturbation, got none for {missing[:5]} "
                f"({len(missing)} in all). Rows: {names[:5]}."
            )
            raise KeyError(msg)
        return cls(names, table.columns.astype(str).tolist(), values)

    def rows(self, perturbations: Sequence[str], dose: Sequence[float] | np.ndarray | float = 1.0) -> np.ndarray:
        """Features of perturbations, combinations among them, times the dose; shape ``(n, c)``.

        Raises
        ------
        KeyError
            If a part is unknown; the message lists names that are like it.
        """
        places = {name: place for place, name in enumerate(self.names)}
        rows = np.zeros((len(perturbations), len(self.columns)))
        for row, perturbation in zip(rows, perturbations, strict=True):
            for part in parts_of(perturbation):
                if part not in places:
                    raise KeyError(self._unknown(part, perturbation))
                row += self.values[places[part]]
        return rows * np.broadcast_to(np.asarray(dose, dtype=float), len(rows))[:, None]

    def to_stored(self) -> tuple[dict[str, list[str]], dict[str, np.ndarray]]:
        """As plain values and arrays."""
        return {"names": self.names, "columns": self.columns}, {"values": self.values}

    @classmethod
    def from_stored(cls, config: dict[str, list[str]], arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`."""
        return cls(config["names"], config["columns"], arrays["values"])

    def _unknown(self, part: str, perturbation: str) -> str:
        like = difflib.get_close_matches(part, self.names, n=5, cutoff=0.5) or self.names[:5]
        inside = "" if part == perturbation else f" in {perturbation!r}"
        return (
            f"A perturbation must consist of single ones that the fit knows, got {part!r}{inside}. Nearest: {like}. "
            "For one that was never measured, fit with `condition_features` that have a row for it."
        )


def _numbers(table: pd.DataFrame) -> np.ndarray:
    wrong = [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]
    if wrong or table.shape[1] == 0:
        msg = f"`condition_features` must have columns of numbers, got others in {wrong[:5]}, of {table.shape[1]}."
        raise TypeError(msg)
    values = table.to_numpy(dtype=float)
    if not np.isfinite(values).all() or not table.index.is_unique:
        msg = "`condition_features` must be finite, with one row for each single perturbation. Drop or fill rows."
        raise ValueError(msg)
    return values
