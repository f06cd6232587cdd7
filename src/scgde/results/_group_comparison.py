"""What a test of groups of sets found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from scgde._summary import TableSummary, p_text

if TYPE_CHECKING:
    import numpy as np

#: Groups whose sizes are printed.
_MAX_GROUPS = 6


@dataclass(frozen=True, repr=False)
class GroupComparison(TableSummary):
    """Test of whether groups of sets differ.

    Attributes
    ----------
    statistic
        Pseudo-F: dispersion between groups over dispersion within them, per degree of freedom.
    p_value
        Share of the arrangements of labels that give as large a statistic.
    effect_size
        Share of the dispersion that the groups explain, beyond what they would by chance; 0 in expectation where they
        do not differ, 1 where there is no other dispersion.
    n_permutations
        Arrangements of labels that were tried.
    exact
        Whether these are all there are.
    n_sets
        Sets in each group.
    n_left_out
        Sets without a value, or without a partner.
    null
        Statistic of each arrangement, shape ``(n_permutations,)``.
    coordinates
        Of the sets along the two axes with most of the dispersion, after blocks and pairs were taken out: ``x``, ``y``,
        their ``group``, and their ``pair`` where there are pairs.
    label_key
        Column of the groups.

    Examples
    --------
    >>> import scgde
    >>> result = scgde.tl.compare_groups(adata, "composition")
    >>> result.to_frame().columns.tolist()
    ['n_groups', 'n_sets', 'statistic', 'effect_size', 'p_value', 'exact', 'n_permutations']
    """

    statistic: float
    p_value: float
    effect_size: float
    n_permutations: int
    exact: bool
    n_sets: dict[str, int]
    n_left_out: int
    null: np.ndarray
    coordinates: pd.DataFrame
    label_key: str

    def to_frame(self) -> pd.DataFrame:
        """One row, as in :func:`scgde.tl.compare_all_groups`, with the number of permutations."""
        row = {
            "n_groups": len(self.n_sets),
            "n_sets": sum(self.n_sets.values()),
            "statistic": self.statistic,
            "effect_size": self.effect_size,
            "p_value": self.p_value,
            "exact": self.exact,
            "n_permutations": self.n_permutations,
        }
        return pd.DataFrame([row], index=pd.Index([self.label_key], name="label_key"))

    @property
    def _title(self) -> str:
        return f"GroupComparison: do sets differ by {self.label_key!r}?"

    def _lines(self) -> dict[str, str]:
        kind = "all there are" if self.exact else "at random"
        groups = [f"{name}: {n}" for name, n in self.n_sets.items()]
        return {
            "p-value": f"{p_text(self.p_value)}, of {self.n_permutations:,} permutations, {kind}",
            "effect size": f"{self.effect_size:.3g} of the dispersion between sets, beyond chance",
            "pseudo-F": f"{self.statistic:.4g}",
            "sets": ", ".join(groups[:_MAX_GROUPS]) + ", ..." * (len(groups) > _MAX_GROUPS),
            "left out": f"{self.n_left_out} sets without a value or a partner",
        }
