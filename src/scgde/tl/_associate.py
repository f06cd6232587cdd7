from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import as_names, check_count, check_flag, check_one_of, check_seed
from scgde._columns import classes, is_continuous
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.metrics import METRICS
from scgde.results import DistanceMatrix, set_column
from scgde.results._unseen import why_seen
from scgde.sets._own_columns import computed_columns, own_columns
from scgde.stats._multiple_testing import q_values
from scgde.stats._permanova import POWERS, degrees_of_freedom, inner_products, partition
from scgde.stats._permutation import p_value, shuffles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


@checked_keywords
@shared_docs
def associate(
    adata: AnnData,
    condition_keys: str | Sequence[str] | None = None,
    *,
    adjust_keys: str | Sequence[str] | None = None,
    statistic: str = "permanova",
    metric: str = "embedding",
    n_permutations: int = 999,
    baselines: bool = True,
    key: str | None = "gde",
    seed: int = 0,
) -> pd.DataFrame:
    """How much of the differences between sets each covariate explains.

    Distance-based redundancy analysis: the dispersion of the sets is split into what a linear function of the covariate
    explains, and the rest. Numbers are taken as they are, all else as classes. A covariate that explains much need not
    be a cause, and of two that are correlated (age and centre) each explains what the other does: see `adjust_keys`.

    Parameters
    ----------
    adata
        A fitted AnnData, or one of sets.
    condition_keys
        Columns, each constant within sets. By default all of the set table but what was written by scgde: what the fit
        used a set for, predictions and weights, which are functions of the embedding.
    adjust_keys
        Columns that are taken out first: what they explain is counted neither for the covariate nor as dispersion.
    statistic
        ``"permanova"`` for squared distances, so that shares are of variance; ``"energy"`` for distances.
    metric, key
        As in :func:`scgde.tl.compare_groups`.
    n_permutations
        Permutations of the sets; with `adjust_keys`, of what it leaves.
    baselines
        Whether to say what the same covariate explains of the distances of means, less their noise, which need no fit.
        With ``key=None`` there are no cells to know it from.
    seed
        %(seed)s

    Returns
    -------
    One row per covariate, by variance explained: ``kind``, ``n_sets``, ``n_missing``, ``df``, ``r2``, ``adjusted_r2``
    (zero in expectation where there is no association), ``pseudobulk_r2`` (the same of means), ``statistic``
    (pseudo-F), ``p_value``, ``q_value`` of :cite:t:`Benjamini95`, and ``note``: why a covariate was not tested. A set
    with a missing value is left out for
    that covariate only.

    Raises
    ------
    KeyError
        If there is no fit or column.
    ValueError
        If a column varies within sets, or is to be adjusted for itself.

    References
    ----------
    :cite:t:`Legendre99`; residuals permuted after :cite:t:`Freedman83`; adjusted shares after :cite:t:`Peres06`.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.associate(adata, ["composition", "severity"], adjust_keys="batch", n_permutations=99)
    >>> sorted(table.index)
    ['composition', 'severity']
    """
    power = POWERS[check_one_of(statistic, "statistic", list(POWERS))]
    n_permutations, rng = check_count(n_permutations, "n_permutations"), check_seed(seed)
    sets = DistanceMatrix.read(adata, metric, key)
    adjusted = as_names(adjust_keys)
    others = {*adjusted, *_computed(adata, key)}
    names = (
        [str(name) for name in sets.table if name not in others] if condition_keys is None else as_names(condition_keys)
    )
    both = [name for name in names if name in adjusted]
    if both:
        msg = f"`condition_keys` and `adjust_keys` must not share columns, got {both} in both. Leave them out of one."
        raise ValueError(msg)
    inner = inner_products(sets.distances, power=power)
    known = _columns([set_column(adata, name, "adjust_keys", key) for name in adjusted], len(inner))
    columns = {name: set_column(adata, name, "condition_keys", key) for name in names}
    seen = ["" if metric in METRICS.forms else why_seen(adata, column, key) for column in columns.values()]
    pairs = list(zip(columns.values(), seen, strict=True))
    rows = [_row(*both, inner, known, n_permutations, rng) for both in progress(pairs, "Associate", unit="column")]
    if check_flag(baselines, "baselines") and key is not None:
        means = inner_products(DistanceMatrix.baselines(adata, key)["unbiased_pseudobulk"].distances, power=power)
        for row, column in zip(rows, columns.values(), strict=True):
            row["pseudobulk_r2"] = _row(column, "", means, known, 1, rng).get("adjusted_r2", np.nan)
    table = pd.DataFrame(rows, index=pd.Index(names, name="covariate"), columns=_COLUMNS)
    table["q_value"] = q_values(table["p_value"].to_numpy(dtype=float))
    return table.sort_values("adjusted_r2", ascending=False, kind="stable")


def _computed(adata: AnnData, key: str | None) -> list[str]:
    """Columns that scgde wrote, but for the number of cells."""
    if key is None:
        own = [str(name) for name in adata.uns.get(_keys.OWN_COLUMNS, ())]
    else:
        own = [*own_columns(adata.uns[key]), *computed_columns(adata.uns)]
    return [name for name in own if not name.endswith(_keys.N_CELLS)]


_SHARES = ["r2", "adjusted_r2", "pseudobulk_r2"]
_COLUMNS = ["kind", "n_sets", "n_missing", "df", *_SHARES, "statistic", "p_value", "q_value", "note"]


def _row(
    column: pd.Series,
    why_not: str,
    inner: np.ndarray,
    known: np.ndarray,
    n_permutations: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    design = _columns([column], len(inner))
    complete = np.isfinite(design).all(axis=1) & np.isfinite(known).all(axis=1)
    n_sets = int(complete.sum())
    row: dict[str, Any] = {
        "kind": "continuous" if is_continuous(column) else "categorical",
        "n_sets": n_sets,
        "n_missing": len(column) - n_sets,
        "note": "",
    }
    rows = np.flatnonzero(complete)
    if why_not:
        return row | {"note": f"not independent of the fit: {why_not}"}
    if n_sets < 2 or min(degrees_of_freedom(design[rows], known[rows])) <= 0:
        return row | {"note": _why_not(column[complete])}
    permutations = shuffles(np.zeros(n_sets), n_permutations, rng)
    result = partition(inner[np.ix_(rows, rows)], design[rows], known[rows], permutations)
    return row | {
        "df": result.df[0],
        "r2": result.r2,
        "adjusted_r2": result.adjusted_r2,
        "statistic": result.statistic,
        "p_value": p_value(result.statistic, result.null, exact=False),
    }


def _why_not(column: pd.Series) -> str:
    n_values = column.nunique()
    if n_values < 2:
        return "no two values"
    many = n_values > len(column) / 2
    return "nearly every set has a value of its own" if many else "given by what it is adjusted for"


def _columns(covariates: list[pd.Series], n_sets: int) -> np.ndarray:
    """Numbers as one column, classes as one each; NaN where missing, shape ``(S, q)``."""
    parts = [np.empty((n_sets, 0))]
    for values in covariates:
        if is_continuous(values):
            parts.append(values.to_numpy(dtype=float, na_value=np.nan)[:, None])
        else:
            codes, names = classes(values)
            parts.append(np.where(codes[:, None] < 0, np.nan, np.eye(max(len(names), 1))[codes]))
    return np.concatenate(parts, axis=1)
