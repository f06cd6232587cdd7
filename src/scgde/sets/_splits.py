"""Which sets a fit trains on, validates on, and does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_fraction
from scgde.sets._pairs import linked_groups

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAIN, VALIDATION, TEST = _keys.SPLITS

#: Other words for two of them, of which sets would silently become test sets.
_SPELLINGS = {"training": TRAIN, "val": VALIDATION, "valid": VALIDATION}


class SetSplit(NamedTuple):
    """Rows of the set table to train and to validate on, shape ``(n,)`` each; all others are test sets."""

    train: np.ndarray
    validation: np.ndarray

    @classmethod
    def from_column(cls, column: pd.Series) -> SetSplit:
        """Split by the values ``"train"`` and ``"validation"`` of a column.

        Raises
        ------
        ValueError
            If fewer than two sets have the value ``"train"``, or a value is one of the three with another spelling.
        """
        found = [str(value) for value in column.dropna().unique()]
        _check_spelling(found)
        split = cls(*(np.flatnonzero((column == part).to_numpy(dtype=bool)) for part in (TRAIN, VALIDATION)))
        if len(split.train) < 2:
            msg = f'`split_key` must name a column with the value "train" for at least two sets, got {found}.'
            raise ValueError(msg)
        return split

    def with_test_sets(self, n_sets: int) -> SetSplit:
        """The split in which the test sets are trained on, too."""
        test = np.setdiff1d(np.arange(n_sets), np.concatenate(self))
        return self._replace(train=np.append(self.train, test))

    def column(self, n_sets: int) -> pd.Categorical[str]:
        """What each of ``n_sets`` sets is for: ``"train"``, ``"validation"`` or ``"test"``."""
        codes = np.full(n_sets, _keys.SPLITS.index(TEST))
        for part in (VALIDATION, TRAIN):
            codes[getattr(self, part)] = _keys.SPLITS.index(part)
        return pd.Categorical.from_codes(codes, pd.Index(_keys.SPLITS))

    def column_of_pairs(self, ends: np.ndarray) -> pd.Categorical[str]:
        """What each pair ``(n, 2)`` is for: what the one of its sets is for that the fit sees less of."""
        n_sets = int(max(ends.max(initial=-1), *(part.max(initial=-1) for part in self))) + 1
        codes = self.column(n_sets).codes[ends].max(axis=1, initial=0)
        return pd.Categorical.from_codes(codes, pd.Index(_keys.SPLITS))


def hold_out(
    n_sets: int,
    fraction: float,
    *,
    seed: int,
    links: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> SetSplit:
    """Random split into training and validation sets; at least two sets are left to train on.

    Parameters
    ----------
    n_sets
        Number of sets.
    fraction
        Share of the sets to validate on.
    seed
        Random seed.
    links
        Pairs of sets that are not to be separated, shape ``(n, 2)``. Then two sets or more are held out, or none.
    kept
        With ``links``, rows of sets that are always trained on: the controls of perturbations.
    """
    if links is not None:
        return _hold_out_groups(linked_groups(links, n_sets), fraction, seed, kept)
    n_validation = min(round(fraction * n_sets), max(n_sets - 2, 0))
    order = np.random.default_rng(seed).permutation(n_sets)
    return SetSplit(np.sort(order[n_validation:]), np.sort(order[:n_validation]))


def split_sets(
    n_sets: int,
    column: pd.Series | None = None,
    *,
    fraction: float,
    seed: int,
    links: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    kept: np.ndarray | None = None,
) -> SetSplit:
    """Which sets are trained on and which validate: by a column, or at random.

    Parameters
    ----------
    n_sets
        Number of sets.
    column
        Value ``"train"``, ``"validation"`` or another one of each set.
    fraction
        Without it, share of the sets to validate on.
    seed
        Random seed of that split.
    links
        Pairs of sets ``(n, 2)`` that a random split does not separate.
    groups
        Group of each set, which a column must not divide.
    kept
        Rows of sets that a random split trains on.

    Raises
    ------
    ValueError
        If fewer than two sets are left to train on, or a group is divided.
    """
    if column is None:
        share = check_fraction(fraction, "validation_fraction")
        if share == 1:
            msg = "`validation_fraction` must be below 1, got 1: sets are needed to train on."
            raise ValueError(msg)
        return hold_out(n_sets, share, seed=seed, links=links, kept=kept)
    split = SetSplit.from_column(column)
    if groups is not None:
        check_undivided(column, groups)
    return split


def check_undivided(column: pd.Series, groups: np.ndarray) -> None:
    """Require one value of the split for all sets of a group: what was held out would be learnt from its other sets.

    Parameters
    ----------
    column
        Split of each set.
    groups
        Code of the group of each set, shape ``(S,)``.
    """
    values = column.astype(object).where(column.notna(), "")
    divided = np.flatnonzero(values.groupby(groups).nunique().to_numpy() > 1)
    if len(divided):
        names = column.index[groups == divided[0]].tolist()
        msg = (
            f"`split_key` must have one value for all sets of a group, but {column.name!r} divides {names}. "
            "Split groups, not sets: see `group_key` in `scgde.pp.split_sets`."
        )
        raise ValueError(msg)


def first_with_sets(column: pd.Series, parts: Sequence[str] = (TEST, VALIDATION)) -> np.ndarray:
    """Rows of the first of some parts of a split that has any, shape ``(n,)``; none if no part has."""
    rows = [np.flatnonzero(column == part) for part in parts]
    return next((part for part in rows if len(part)), np.arange(0))


def _check_spelling(values: list[str]) -> None:
    """Refuse ``"Train"`` or ``"val"``: sets of other values are test sets, which these hardly stand for."""
    meant = {value: _SPELLINGS.get(value.lower(), value.lower()) for value in values}
    other = {value: part for value, part in meant.items() if part in (TRAIN, VALIDATION) and part != value}
    if other:
        msg = (
            f"`split_key` must name a column with the values {list(_keys.SPLITS)}, got {list(other)}. "
            f"Rename them: `.replace({other})`."
        )
        raise ValueError(msg)


def _hold_out_groups(group: np.ndarray, fraction: float, seed: int, kept: np.ndarray | None) -> SetSplit:
    n_sets = len(group)
    order = np.random.default_rng(seed).permutation(group.max() + 1)
    if kept is not None:
        order = order[~np.isin(order, group[kept])]
    n_held = np.bincount(group)[order].cumsum()
    wanted = max(round(fraction * n_sets), 2)
    n_groups = min(np.searchsorted(n_held, wanted) + 1, np.searchsorted(n_held, n_sets - 2, side="right"))
    validation = np.isin(group, order[:n_groups])
    validation &= fraction > 0 and validation.sum() > 1
    return SetSplit(np.flatnonzero(~validation), np.flatnonzero(validation))
