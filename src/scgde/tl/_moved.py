"""Cells on their way: which are moved, where to, and the AnnData that they become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_sets
from scgde.tl._carried import stored_index
from scgde.tl._source import dense_rows, matching_features

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from anndata import AnnData

    from scgde.data import SetIndex
    from scgde.model import TDE

SOURCE_SET, TARGET_SET, TIME, CELL, DRAW = "source_set", "target_set", "t", "cell", "draw"


@dataclass(frozen=True)
class Fitted:
    """A fitted transport with the cells of its sets.

    Parameters
    ----------
    model
        The transport.
    x
        Features of all cells, dense, sparse or backed, shape ``(n_obs, G)``.
    table
        The set table.
    embedding
        Of each set, shape ``(S, E)``.
    index
        Cells of each set.
    """

    model: TDE
    x: Any
    table: pd.DataFrame
    embedding: np.ndarray
    index: SetIndex

    @classmethod
    def of(cls, adata: AnnData, model: TDE, key: str) -> Fitted:
        """What ``adata`` holds under ``key``."""
        table = adata.uns[key][_keys.SETS]
        x = matching_features(adata, model)
        return cls(model, x, table, np.asarray(adata.uns[key][_keys.EMBEDDING]), stored_index(adata, table, key))

    def places(self, names: str | Iterable[str], argument: str) -> np.ndarray:
        """Rows of the set table of named sets.

        Raises
        ------
        KeyError
            If there is no set of a name.
        """
        names = names if isinstance(names, str) else list(names)
        return check_sets(self.table.index, names, f"`{argument}`")

    def sources(self, names: str | Sequence[str]) -> np.ndarray:
        """Rows of the set table of sets that are to be moved: each once, and with cells.

        Raises
        ------
        ValueError
            If a set comes twice, or has no cells in the data.
        """
        place = self.places(names, "source")
        wrong = place[pd.Series(place).duplicated() | (self.index.sizes[place] == 0)]
        if len(wrong):
            some = self.table.index[wrong[:5]].tolist()
            msg = f"`source` must name each set once, and `adata` hold its cells, got {some}."
            raise ValueError(msg)
        return place

    def cells(self, rows: np.ndarray) -> np.ndarray:
        """Features of some cells, dense, shape ``(n, G)``."""
        return dense_rows(self.x, rows, np.float32)

    def move(
        self, source: np.ndarray, target_embedding: np.ndarray, *, times: Sequence[float] = (1.0,), seed: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Move all cells of some sets to several places.

        Parameters
        ----------
        source
            Rows of the set table, shape ``(P,)``.
        target_embedding
            Shape ``(P, D, E)``.
        times
            See :meth:`scgde.model.TDE.transport`.
        seed
            Random seed.

        Returns
        -------
        Cells, shape ``(T, n, G)``, and the place in ``source`` of each, shape ``(n,)``: set by set, and within a set
        draw by draw.
        """
        n_draws = target_embedding.shape[1]
        rows = [np.tile(self.index.rows(i), n_draws) for i in source]
        draw = np.concatenate([np.repeat(np.arange(n_draws), self.index.sizes[i]) for i in source])
        place = np.repeat(np.arange(len(source)), [len(part) for part in rows])
        start = np.repeat(self.embedding[source], n_draws, axis=0)
        end = target_embedding.reshape(-1, target_embedding.shape[-1])
        x = self.cells(np.concatenate(rows))
        return self.model.transport(x, place * n_draws + draw, start, end, times=times, seed=seed), place

    def frame(self, adata: AnnData, source: np.ndarray, target_set: Iterable[str], n_draws: int = 1) -> pd.DataFrame:
        """``obs`` of the cells that :meth:`move` moves: source and target set, cell and, of several, the draw."""
        rows = np.concatenate([np.tile(self.index.rows(i), n_draws) for i in source])
        sizes = self.index.sizes[source]
        place = np.repeat(np.arange(len(source)), n_draws * sizes)
        names = self.table.index[source]
        obs = pd.DataFrame(
            {
                SOURCE_SET: pd.Categorical(names[place], categories=names),
                TARGET_SET: pd.Categorical(np.asarray(target_set, dtype=object)[place]),
                CELL: adata.obs_names[rows].to_numpy(dtype=object),
            }
        )
        if n_draws > 1:
            obs[DRAW] = np.concatenate([np.repeat(np.arange(n_draws), size) for size in sizes])
        return obs


def moved_cells(model: TDE, moved: np.ndarray, obs: pd.DataFrame, times: Sequence[float], *, decode: bool) -> AnnData:
    """AnnData of cells ``(T, n, G)``; named by cell, and by draw and time where there are several."""
    frames = [obs.assign(**{TIME: float(time)}) for time in times]
    table = pd.concat(frames, ignore_index=True)
    names = table[CELL].astype(str)
    if DRAW in table:
        names = names + "-" + table[DRAW].astype(str)
    if len(times) > 1:
        names = names + "-" + table[TIME].map("{:.4g}".format)
    cells = moved.reshape(-1, moved.shape[-1])
    features = list(model.source["names"])
    if decode and model.decoder is not None:
        cells, features = model.decoder(cells), model.decoder.genes
    return ad.AnnData(X=cells, obs=table.set_axis(pd.Index(names.to_numpy())), var=pd.DataFrame(index=features))


def way_times(n_times: int) -> list[float]:
    """The end alone, or ``n_times`` steps from start to end."""
    return [1.0] if n_times == 2 else np.linspace(0, 1, n_times).tolist()
