"""Objects that print on one screen, as text and in notebooks."""

from __future__ import annotations

import html
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

_WIDTH = 120


class Summary(ABC):
    """Object that prints as a title and lines of name and value."""

    @property
    @abstractmethod
    def _title(self) -> str:
        """What it is, and of what."""

    @abstractmethod
    def _lines(self) -> Mapping[str, str]:
        """What is to be seen at once, by name, with units."""

    def __repr__(self) -> str:
        lines = dict(self._lines())
        width = max(map(len, lines), default=0)
        return "\n".join([self._title, *(f"  {name:<{width}}  {value}"[:_WIDTH] for name, value in lines.items())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for name, value in self._lines().items()
        )
        return f"<div><strong>{html.escape(self._title)}</strong><table>{rows}</table></div>"


class TableSummary(Summary):
    """Summary of numbers that are also to be had as a table."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The numbers as a table."""


def p_text(p_value: float) -> str:
    """A p-value in as many digits as it is read with; one too small for a float is no zero."""
    if p_value == 0:
        return f"below {sys.float_info.min:.0e}"
    return f"{p_value:.2g}" if p_value >= 1e-4 else f"{p_value:.1e}"
