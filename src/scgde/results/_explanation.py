from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scgde._summary import TableSummary
from scgde.stats._energy_decomposition import PARTS

#: Names that are printed.
_MAX_NAMES = 6
#: Parts of the distance that are printed as zero.
_ROUNDING = 1e-9


@dataclass(frozen=True, repr=False)
class Explanation(TableSummary):
    """The difference between two sets, or groups of sets.

    Attributes
    ----------
    total
        Energy distance between their cells, in the units of the fit.
    floor
        What it would be on average between so many cells of one population.
    parts
        ``composition``, ``shift`` and ``dispersion``, of sum `total`.
    states
        One row per state: ``share_a``, ``share_b``, and what it has in each part.
    features
        One row per feature, in its standard deviations: ``mean_a``, ``mean_b``; the energy distance ``total`` along
        this feature alone, and its three parts; ``generated``, that distance between cells generated at both ends of
        the path. Largest `total` first.
    path
        Mean of each feature over the cells generated at each t, in its standard deviations.
    sets
        Names of the two sets, or of the sets in each of the two groups.
    names
        Of the two sides, as they were asked for.

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.explain(adata, "donor_00", "donor_01", state_key="cell_type")
    >>> result.states.columns.tolist()
    ['share_a', 'share_b', 'composition', 'shift', 'dispersion']
    """

    total: float
    floor: float
    parts: pd.Series
    states: pd.DataFrame
    features: pd.DataFrame
    path: pd.DataFrame
    sets: tuple[list[str], list[str]]
    names: tuple[str, str]

    def to_frame(self) -> pd.DataFrame:
        """One row per part: its ``distance``, and the ``share`` of the total."""
        return pd.DataFrame({"distance": self.parts, "share": self.parts / self.total})

    @property
    def _title(self) -> str:
        sides = (_named(name, sets) for name, sets in zip(self.names, self.sets, strict=True))
        return "Explanation: what is different between {} and {}?".format(*sides)

    def _lines(self) -> dict[str, str]:
        lines = {"energy distance": f"{self.total:.3g} in the units of the fit; {self.floor:.2g} within one population"}
        lines |= {str(name): f"{value:.3g}, {value / self.total:.0%} of it" for name, value in self._parts().items()}
        if len(self.states) > 1:
            lines["states"] = _first(self.states.index[np.argsort(-self.states[list(PARTS)].sum(axis=1).to_numpy())])
        return lines | {"features": _first(self.features.index)}

    def _parts(self) -> pd.Series:
        """Parts of the distance, without the rounding errors of those that are zero."""
        return self.parts.where(self.parts.abs() > _ROUNDING * self.total, 0.0)


def _named(name: str, sets: list[str]) -> str:
    count = f"{len(sets)} sets"
    return repr(name) if name != count and len(sets) == 1 else count if name == count else f"{name!r} ({count})"


def _first(names: pd.Index) -> str:
    """The first of many names."""
    return ", ".join(map(str, names[:_MAX_NAMES])) + ", ..." * (len(names) > _MAX_NAMES)
