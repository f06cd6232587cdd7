"""What a report says of a fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pandas as pd

from scgde import _keys, pl, tl
from scgde.cli._fits import best_step, describe
from scgde.cli._page import Section, figure, paragraph, table
from scgde.cli._report import columns_to_draw
from scgde.cli._scores import score_fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData


def sections_of(adata: AnnData, key: str, seed: int) -> list[Section]:
    """All sections; one that cannot be made for this fit says why instead."""
    makers: dict[str, Callable[[AnnData, str, int], list[str]]] = {
        "Fit": _fit,
        "Sets": _sets,
        "Map": _map,
        "Training": _training,
        "Scores": _scores,
        "Uncertainty": _uncertainty,
    }
    return [Section(title, _blocks(make, adata, key, seed)) for title, make in makers.items()]


def _blocks(make: Callable[[AnnData, str, int], list[str]], adata: AnnData, key: str, seed: int) -> list[str]:
    try:
        return make(adata, key, seed)
    except (KeyError, ValueError) as error:
        return [paragraph(f"Not available: {error.args[0] if error.args else error}")]


def _fit(adata: AnnData, key: str, seed: int) -> list[str]:
    lines = pd.Series(describe(adata, key), name="value").drop("uncertainty")  # a section of its own
    return [table(lines.rename_axis("fit").to_frame())]


def _sets(adata: AnnData, key: str, seed: int) -> list[str]:
    sets = adata.uns[key][_keys.SETS]
    sizes = sets[_keys.N_CELLS].describe()[["min", "25%", "50%", "75%", "max"]].rename_axis("cells per set")
    columns = [name for name in columns_to_draw(sets, without=()) if name != _keys.N_CELLS]
    counts = [table(sets[name].value_counts().to_frame()) for name in columns if sets[name].dtype == "category"]
    return [table(sizes.to_frame("cells")), *counts]


def _map(adata: AnnData, key: str, seed: int) -> list[str]:
    columns = columns_to_draw(adata.uns[key][_keys.SETS], without=())
    caption = "Principal components of the embeddings; a point is a set."
    return [figure(pl.embedding, caption, adata, key=key, color=columns)]


def _training(adata: AnnData, key: str, seed: int) -> list[str]:
    history = adata.uns[key][_keys.HISTORY]
    best = best_step(history)
    if best is not None and best[0] == history["step"].max():
        msg = f"The validation loss was lowest at the last step, {best[0]:,}: more `--max-steps` may be better."
        warnings.warn(msg, stacklevel=1)
    return [figure(pl.history, "Loss by optimiser step.", adata, key=key)]


def _scores(adata: AnnData, key: str, seed: int) -> list[str]:
    scores = score_fit(adata, key, seed)
    own, (name, best) = float(scores.means["mean"][scores.own]), scores.best_baseline()
    text = f"The fit scores {own:.3g}, the strongest baseline, {name!r}, {best:.3g}."
    if own > best:
        warnings.warn(f"A simple baseline is better. {text}", stacklevel=1)
    drawn = figure(
        pl.scores,
        "One dot per set or pair; large dots: medians, lines: quartiles.",
        scores.table,
        metrics=scores.metric,
    )
    return [paragraph(f"{scores.title}. {text}"), table(scores.ranked()), drawn]


def _uncertainty(adata: AnnData, key: str, seed: int) -> list[str]:
    if _keys.COVARIANCE not in adata.uns[key]:
        tl.uncertainty(adata, key=key)
    caption = "Embeddings with 95 % confidence ellipses, from the sampling of cells."
    return [figure(pl.uncertainty, caption, adata, key=key)]
