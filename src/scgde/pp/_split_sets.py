from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_fractions, check_seed
from scgde._hints import checked_keywords
from scgde.sets._columns import natural_codes
from scgde.sets._entries import read_entries
from scgde.sets._own_columns import check_free
from scgde.sets._set_table import write_set_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

PARTS = pd.Index(["train", "validation", "test"])


@checked_keywords
def split_sets(
    adata: AnnData,
    *,
    key: str = "set",
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    stratify_key: str | None = None,
    group_key: str | None = None,
    seed: int = 0,
    key_added: str = _keys.SPLIT,
) -> None:
    """Split sets, never cells, into train, validation and test.

    Parameters
    ----------
    adata
        Cells with sets from :func:`scgde.pp.make_sets`. A view becomes an AnnData of its own.
    key
        The ``key_added`` of :func:`scgde.pp.make_sets`.
    fractions
        Shares of train, validation and test. Sizes are exact up to rounding; a share above zero gets one set
        at least.
    stratify_key
        Column of the set table whose values are spread evenly over the parts.
    group_key
        Column of the set table, e.g. the donor or clone: all sets of one value are on one side. ``fractions``
        are then shares of the groups. A set with a missing value is a group of its own.
    seed
        Seed of the random order.
    key_added
        Where the split is written.

    Returns
    -------
    None. Writes ``adata.obs[key_added]``, categorical, missing for cells in no set, and the same column in
    ``adata.uns[key]["sets"]``.

    Raises
    ------
    KeyError
        If there are no sets, or the set table lacks a column.
    ValueError
        If ``fractions`` do not sum to 1, there are fewer groups than parts, a group has several strata, or
        ``key_added`` names a column that scgde did not write.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cohort(20, seed=0)
    >>> scgde.pp.make_sets(adata, "donor")
    >>> scgde.pp.split_sets(adata, fractions=(0.5, 0.25, 0.25), stratify_key="composition")
    >>> adata.uns["set"]["sets"]["split"].value_counts().to_dict()
    {'train': 10, 'validation': 5, 'test': 5}
    """
    shares = check_fractions(fractions, len(PARTS))
    rng = check_seed(seed)
    content = read_entries(adata, key, entry=_keys.PARAMS, made_by="scgde.pp.make_sets")
    table = content[_keys.SETS]
    if key_added in {key, stratify_key, group_key}:
        msg = f"`key_added` must not be a column that the split reads, got {key_added!r}. Choose another."
        raise ValueError(msg)
    check_free(adata, key, [key_added], "key_added")
    groups = _groups(table, group_key)
    strata = _strata(table, stratify_key, groups)
    parts = _balanced_parts(strata, part_sizes(shares, len(strata)), rng)[groups]

    columns = {key_added: pd.Categorical.from_codes(parts, PARTS)}
    write_set_columns(adata, key, columns, set_column=key, content=content)


def part_sizes(fractions: np.ndarray, n_units: int) -> np.ndarray:
    """Round ``fractions * n_units`` by largest remainder, with a unit at least for a fraction above zero."""
    wanted = fractions > 0
    if n_units < wanted.sum():
        msg = (
            f"Each of the {wanted.sum()} non-zero `fractions` needs a set (or a group, if `group_key` is given), "
            f"got {n_units}. Set a fraction to 0."
        )
        raise ValueError(msg)
    quota = fractions * n_units
    sizes = np.floor(quota + 1e-9).astype(np.int64)
    largest_remainders = np.argsort(sizes - quota, kind="stable")
    sizes[largest_remainders[: n_units - sizes.sum()]] += 1
    for part in np.flatnonzero(wanted & (sizes == 0)):
        sizes[sizes.argmax()] -= 1
        sizes[part] = 1
    return sizes


def _groups(table: pd.DataFrame, group_key: str | None) -> np.ndarray:
    """Group of each set, codes 0, 1, ... without gaps."""
    if group_key is None:
        return np.arange(len(table))
    codes = natural_codes(_column(table, group_key, "group_key"))
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return np.unique(codes, return_inverse=True)[1]


def _strata(table: pd.DataFrame, stratify_key: str | None, groups: np.ndarray) -> np.ndarray:
    """Stratum of each group; a missing value is a stratum."""
    strata = np.zeros(groups.max() + 1, dtype=np.int64)
    if stratify_key is None:
        return strata
    codes = natural_codes(_column(table, stratify_key, "stratify_key"))
    strata[groups] = codes
    if (strata[groups] != codes).any():
        msg = (
            f"`stratify_key` must be constant within each value of `group_key`, but {stratify_key!r} is not. "
            "Change one."
        )
        raise ValueError(msg)
    return strata


def _column(table: pd.DataFrame, column: str, argument: str) -> pd.Series:
    if column not in table:
        msg = f"`{argument}` must name a column of the set table, got {column!r}. Columns: {list(table)}."
        raise KeyError(msg)
    return table[column]


def _balanced_parts(strata: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign parts of exact ``sizes`` so that every stratum gets its share up to rounding.

    Each part spreads its turns evenly over [0, 1], and units take turns stratum by stratum: any run of units
    meets each part in proportion.
    """
    turns = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes if size])
    sequence = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(turns, kind="stable")]
    # Random order of strata and of units within them: no unit is always the test one.
    rank = rng.permutation(strata.max() + 2)[strata + 1]
    order = np.lexsort((rng.random(len(strata)), rank))
    parts = np.empty(len(strata), dtype=np.int64)
    parts[order] = sequence
    return parts
