"""Which sets and which pairs a transport is fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from scgde.sets import split_sets

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from scgde.sets import Pairing, SetSplit


class SplitPairs(NamedTuple):
    """A split of sets, and of the pairs among them.

    Attributes
    ----------
    sets
        Of the sets.
    column
        ``"train"``, ``"validation"`` or ``"test"`` of each pair.
    """

    sets: SetSplit
    column: pd.Categorical[str]

    @classmethod
    def of(
        cls,
        pairing: Pairing,
        column: pd.Series | None,
        *,
        fraction: float,
        only_pairs: bool,
        transductive: bool,
        seed: int,
    ) -> Self:
        """Split by a column of sets, or at random.

        Parameters
        ----------
        pairing
            The sets, and which of them are pairs.
        column
            Split of each set; None for a random one, which holds out a ``fraction``.
        only_pairs
            Whether steps are made of pairs alone: then sets are held out only if they hold one.
        transductive
            Whether test sets are trained on, as sets without a partner.
        """
        n_sets = len(pairing.grouping.table)
        of_groups: dict[str, Any] = {"groups": pairing.groups, "kept": pairing.always_trained}
        split = split_sets(n_sets, column, fraction=fraction, seed=seed, links=pairing.links, **of_groups)
        of_pairs = split.column_of_pairs(pairing.ends)
        if column is None and only_pairs and not (of_pairs == "validation").any():
            split = split_sets(n_sets, fraction=0.0, seed=seed)
            of_pairs = split.column_of_pairs(pairing.ends)
        return cls(split.with_test_sets(n_sets) if transductive else split, of_pairs)

    @property
    def known(self) -> np.ndarray:
        """Whether the fit may use each pair, shape ``(n,)``."""
        return self.column != "test"
