from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde._checks import check_count
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_tde import BaseTDE
from scgde.results import FittedSets, read_model
from scgde.results._forecast_arms import Asked, transported
from scgde.results._moved_counts import MovedCounts, returns_counts
from scgde.sets._set_groups import rows_of_sets
from scgde.tl._generate import as_anndata, check_decodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData

    from scgde._types import SetLike

SOURCE_SET, TARGET_SET, TIME, CELL, DRAW = "source_set", "target_set", "t", "cell", "draw"


@checked_keywords
@shared_docs
def transport(
    adata: AnnData,
    source: SetLike | Sequence[SetLike],
    target: SetLike | Sequence[SetLike],
    *,
    n_times: int = 1,
    library_size: float | str | np.ndarray | None = None,
    decode: bool | None = None,
    clip: bool = False,
    key: str = "tde",
    seed: int = 0,
) -> AnnData:
    """Transport the cells of sets to other sets, any to any.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with its cells.
    source
        Sets whose cells are transported. %(sets_like)s
    target
        The set that each is transported to, or one for all; given in the same way.
    n_times
        Times of each cell: 1 for where it arrives, more for its path, from where it starts to where it arrives.
    library_size
        Of cells that a decoder makes counts of, what these sum to on average: a number, ``"median"`` for that of the
        training cells, or an array that broadcasts to ``(times, cells)``. None: drawn for each cell.
    decode
        %(decode_moved)s
    clip
        %(clip)s
    key
        %(key)s
    seed
        Random seed of a transport that draws, and of counts.

    Returns
    -------
    The transported cells under the names of the source cells, followed by the time where ``n_times`` is above 1: ``X``
    in the training features, or genes with ``decode``, integers as CSR of a fit of counts; ``obs["source_set"]``,
    ``["target_set"]``, ``["cell"]`` and ``["t"]`` in [0, 1].

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If the numbers of sources and targets differ, a set is transported to itself, the transport is conditioned on
        the source alone, cells cannot be mapped back to genes, or there is a library size for counts of observed cells.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.transport(clones, "clone_02|2", "clone_02|4", n_times=3)
    >>> cells.obs["t"].unique().tolist()
    [0.0, 0.5, 1.0]
    """
    n_times = check_count(n_times, "n_times")
    model = read_model(adata, key, BaseTDE)
    as_counts = returns_counts(model, decode=decode)
    check_decodable(model, decode=bool(decode) or as_counts, clip=clip)
    if as_counts and library_size is not None:
        msg = f"`library_size` must be None where observed counts are moved, got {library_size!r}."
        raise ValueError(msg)
    fitted = FittedSets.read(adata, key, BaseTDE)
    if not fitted.model.module.conditioning.needs_predictor:
        msg = 'A transport to a given set needs a fit with `condition="both"`, got "source". Call `scgde.tl.forecast`.'
        raise ValueError(msg)
    start, end = sources(adata, fitted, source, key), rows_of_sets(adata, target, "`target`", key)
    if len(end) not in (1, len(start)):
        msg = f"`target` must name one set, or one for each of {len(start)} sources, got {len(end)}."
        raise ValueError(msg)
    end = np.broadcast_to(end, start.shape)
    if (start == end).any():
        msg = f"`source` and `target` must differ, got {fitted.table.index[start[start == end][0]]!r} for both."
        raise ValueError(msg)
    times = times_on_path(n_times)
    asked = Asked.of_sets(fitted, start, fitted.embedding[end][:, None])
    counts = MovedCounts(fitted.model, adata, np.concatenate(asked.rows)) if as_counts else None
    parts = transported(fitted, asked, times=times, seed=seed)
    obs = transported_obs(fitted, adata.obs_names, start, fitted.table.index[end])
    if counts is not None:
        ends = [part[i] for i in range(len(times)) for part in parts]
        begin, n = [fitted.observed(rows) for rows in asked.rows], len(times)
        return counts.to_adata(asked.rows * n, begin * n, ends, obs=named_by_time(obs, times), seed=seed)
    options: dict[str, Any] = {"decode": bool(decode), "clip": clip, "library_size": library_size, "seed": seed}
    return transported_anndata(fitted.model, np.concatenate(parts, axis=1), obs, times, **options)


def sources(adata: AnnData, fitted: FittedSets, asked: SetLike | Sequence[SetLike], key: str) -> np.ndarray:
    """Rows of the set table of sets that are to be transported: each once, and with cells.

    Raises
    ------
    ValueError
        If a set comes twice, or has no cells in the data.
    """
    rows = rows_of_sets(adata, asked, "`source`", key)
    wrong = rows[pd.Series(rows).duplicated() | (fitted.index.sizes[rows] == 0)]
    if len(wrong):
        some = fitted.table.index[wrong[:5]].tolist()
        msg = f"`source` must name each set once, and `adata` hold its cells, got {some}."
        raise ValueError(msg)
    return rows


def transported_obs(
    fitted: FittedSets, names: pd.Index, source: np.ndarray, target_set: Iterable[str], n_draws: int = 1
) -> pd.DataFrame:
    """``obs`` of all cells of some sets, in order of draws: source and target set, cell and, of several, the draw."""
    rows = np.concatenate([np.tile(fitted.index.rows(i), n_draws) for i in source])
    sizes, sets = fitted.index.sizes[source], fitted.table.index[source]
    of_source = np.repeat(np.arange(len(source)), n_draws * sizes)
    obs = pd.DataFrame(
        {
            SOURCE_SET: pd.Categorical(sets[of_source], categories=sets),
            TARGET_SET: pd.Categorical(np.asarray(target_set, dtype=object)[of_source]),
            CELL: names[rows].to_numpy(dtype=object),
        }
    )
    if n_draws > 1:
        obs[DRAW] = np.concatenate([np.repeat(np.arange(n_draws), size) for size in sizes])
    return obs


def transported_anndata(
    model: BaseTDE, cells: np.ndarray, obs: pd.DataFrame, times: Sequence[float], *, decode: bool, **options: Any
) -> AnnData:
    """AnnData of cells ``(T, n, *shape)``; ``options`` are those of :func:`as_anndata`."""
    flat = cells.reshape(-1, *cells.shape[2:])
    return as_anndata(model, flat, named_by_time(obs, times), decode=decode, shape=cells.shape[:2], **options)


def named_by_time(obs: pd.DataFrame, times: Sequence[float]) -> pd.DataFrame:
    """``obs`` at each time: named by cell, and by draw and time where there are several."""
    table = pd.concat([obs.assign(**{TIME: float(time)}) for time in times], ignore_index=True)
    names = table[CELL].astype(str)
    if DRAW in table:
        names = names + "-" + table[DRAW].astype(str)
    if len(times) > 1:
        names = names + "-" + table[TIME].map("{:.4g}".format)
    return table.set_axis(pd.Index(names.to_numpy()))


def times_on_path(n_times: int) -> list[float]:
    """The end alone, or ``n_times`` times from start to end."""
    return [1.0] if n_times == 1 else np.linspace(0, 1, n_times).tolist()
