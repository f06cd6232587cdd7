"""Paths of the cells of ``tl.transport`` and ``tl.forecast``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pandas as pd

from scgde.pl._draw.cells import dense_rows
from scgde.pl._draw.figure import COLORS

if TYPE_CHECKING:
    from anndata import AnnData

#: Of the draws of a forecast that are shown, which are so many at most; that of the observed target is left out.
DRAW_COLORS = tuple(color for i, color in enumerate(COLORS) if i != 5)[:6]


class TransportedPaths(NamedTuple):
    """Paths of some transported cells.

    Attributes
    ----------
    times
        Shape ``(T,)``, increasing.
    cells
        Shape ``(n, T, G)``.
    draws
        Of a forecast, the draw of each, from 0; shape ``(n,)``.
    n_draws
        All draws, also those that are not among ``cells``.
    """

    times: np.ndarray
    cells: np.ndarray
    draws: np.ndarray
    n_draws: int

    @classmethod
    def of(cls, adata: AnnData, observed: np.ndarray, transported: AnnData, n_paths: int) -> Self:
        """At most ``n_paths`` paths, at random; of cells where they arrive, from where they are observed.

        Raises
        ------
        KeyError, ValueError
            If the cells are not those of a transport of ``adata``.
        """
        times, cells = _all_paths(adata, observed, transported)
        draws = transported.obs["draw"].to_numpy()[: len(cells)] if "draw" in transported.obs else np.zeros(len(cells))
        codes, names = pd.factorize(draws, sort=True)
        shown = np.flatnonzero(codes < len(DRAW_COLORS))
        rng = np.random.default_rng(0)
        drawn = np.sort(rng.choice(shown, min(n_paths, len(shown)), replace=False))
        return cls(times, cells[drawn], codes[drawn], len(names))

    def draws_label(self) -> str:
        """How many draws are shown, if there are several."""
        n_shown = len(np.unique(self.draws))
        some = f"{n_shown} draws" if n_shown == self.n_draws else f"{n_shown} of {self.n_draws} draws"
        return f", {some}" if self.n_draws > 1 else ""


def _all_paths(adata: AnnData, observed: np.ndarray, transported: AnnData) -> tuple[np.ndarray, np.ndarray]:
    """Times ``(T,)``, two or more, and paths ``(n, T, G)``."""
    missing = {"t", "cell"} - set(transported.obs)
    if missing:
        msg = f"`transported` must come from `scgde.tl.transport`, but its `obs` lacks {sorted(missing)}."
        raise KeyError(msg)
    times = np.unique(transported.obs["t"])
    if transported.n_obs % len(times):
        msg = f"`transported` must hold every cell at every time, got {transported.n_obs} for {len(times)} times."
        raise ValueError(msg)
    # Times come one after the other, each with the cells in the same order.
    x = dense_rows(transported.X, np.arange(transported.n_obs))
    cells = x.reshape(len(times), -1, transported.n_vars)
    if len(times) == 1:
        rows = adata.obs_names.get_indexer_for(transported.obs["cell"].astype(str))
        if len(rows) != transported.n_obs or (rows < 0).any():
            msg = "`adata` must hold each source cell of `transported` once, under its name. Or pass `n_times` above 1."
            raise ValueError(msg)
        times, cells = np.append(0.0, times), np.stack([observed[rows], cells[0]])
    return times, cells.transpose(1, 0, 2)
