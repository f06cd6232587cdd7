from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count
from scgde.tl._carried import read_tde
from scgde.tl._generate import check_decodable
from scgde.tl._moved import Fitted, moved_cells, way_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData


def transport(
    adata: AnnData,
    source: str | Sequence[str],
    target: str | Sequence[str],
    *,
    n_times: int = 2,
    decode: bool = False,
    key: str = "tde",
    seed: int = 0,
) -> AnnData:
    """Move the cells of sets to other sets, any to any.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with its cells.
    source
        Names of the sets whose cells are moved.
    target
        Name of the set that each is moved to, or one for all.
    n_times
        2 for the cells where they arrive. More: so many steps of their way, both ends included.
    decode
        Whether to map principal components back to genes.
    key
        Name under which the fit was written.
    seed
        Random seed of a transport that draws.

    Returns
    -------
    The moved cells under the names of the source cells, followed by the time where ``n_times`` is above 2: ``X`` in
    the training features, or genes with ``decode``; ``obs["source_set"]``, ``["target_set"]``, ``["cell"]`` and
    ``["t"]`` in [0, 1].

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    ValueError
        If the numbers of sources and targets differ, a set is moved to itself, the transport is conditioned on the
        source alone, or there is no way back to genes.
    """
    n_times = check_count(n_times, "n_times", minimum=2)
    model = read_tde(adata, key)
    check_decodable(model, decode=decode)
    if model.module.condition == "source":
        msg = 'A transport to a given set needs a fit with `condition="both"`, got "source". Call `scgde.tl.forecast`.'
        raise ValueError(msg)
    fitted = Fitted.of(adata, model, key)
    start, end = fitted.sources(source), fitted.places(target, "target")
    if len(end) not in (1, len(start)):
        msg = f"`target` must name one set, or one for each of {len(start)} sources, got {len(end)}."
        raise ValueError(msg)
    end = np.broadcast_to(end, start.shape)
    if (start == end).any():
        msg = f"`source` and `target` must differ, got {fitted.table.index[start[start == end][0]]!r} for both."
        raise ValueError(msg)
    times = way_times(n_times)
    moved, _ = fitted.move(start, fitted.embedding[end][:, None], times=times, seed=seed)
    return moved_cells(model, moved, fitted.frame(adata, start, fitted.table.index[end]), times, decode=decode)
