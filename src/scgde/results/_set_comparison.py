from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from scgde._checks import check_fraction
from scgde._summary import TableSummary, p_text


@dataclass(frozen=True, repr=False)
class SetComparison(TableSummary):
    """Test of whether two sets are draws from one population.

    Attributes
    ----------
    statistic
        Hotelling's T squared of the difference along the tested axes.
    df
        Degrees of freedom of F: the number of tested axes, and those of the covariance.
    p_value
        Probability of so large a statistic were the populations the same.
    difference
        Embedding of ``a`` minus that of ``b``, shape ``(E,)``.
    covariance
        Of the difference, whether or not the populations are the same, shape ``(E, E)``.
    directions
        The tested axes, shape ``(E, k)``.
    df_region
        Degrees of freedom of ``covariance`` along them, for :meth:`radius`.
    note
        Why there is no test, where there is none; else empty.
    names
        Of the two sets.

    Examples
    --------
    >>> import scgde
    >>> scgde.tl.uncertainty(adata)
    >>> result = scgde.tl.compare_sets(adata, "donor_00", "donor_01")
    >>> result.names
    ('donor_00', 'donor_01')
    """

    statistic: float
    df: tuple[int, float]
    p_value: float
    difference: np.ndarray
    covariance: np.ndarray
    directions: np.ndarray
    df_region: float
    note: str
    names: tuple[str, str]

    def to_frame(self) -> pd.DataFrame:
        """One row per tested axis: ``difference`` along it, a minus b, and its ``standard_error``."""
        variance = np.einsum("ek,ef,fk->k", self.directions, self.covariance, self.directions)
        return pd.DataFrame(
            {"difference": self.directions.T @ self.difference, "standard_error": np.sqrt(variance)},
            index=pd.RangeIndex(self.df[0], name="axis"),
        )

    @property
    def _title(self) -> str:
        return f"SetComparison: are {self.names[0]!r} and {self.names[1]!r} draws from one population?"

    def _lines(self) -> dict[str, str]:
        k, df = self.df
        lines = {
            "p-value": p_text(self.p_value),
            "T squared": f"{self.statistic:.4g}, F with {k} and {df:.4g} degrees of freedom",
            "distance": f"{np.linalg.norm(self.difference):.3g} in latent units, in {len(self.difference)} dimensions",
            "tested along": f"{k} axes; `to_frame()` has the difference along each, with its standard error",
        }
        return lines | ({"note": self.note} if self.note else {})

    def radius(self, level: float = 0.95) -> float:
        """Of the confidence region of the difference along the tested axes, in standard deviations.

        The region is the ellipsoid around ``directions.T @ difference`` with the shape of ``covariance`` in these
        directions. The test pools the two covariances, as it may where the populations are the same; the region
        does not, so that the two need not agree at the border.
        """
        k, nu = self.df[0], self.df_region
        df = nu - k + 1
        return float(np.sqrt(stats.f.ppf(check_fraction(level, "level"), k, df) * nu * k / df))
