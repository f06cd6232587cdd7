from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata.utils import make_index_unique

from scgde import _keys
from scgde._checks import check_count, check_one_of
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_tde import BaseTDE
from scgde.results import FittedSets, read_model
from scgde.results._journeys import MOVES, moved_cells, starting_rows
from scgde.results._moved_counts import MovedCounts, returns_counts
from scgde.results._perturbed import STARTS, Asked, control_sets, perturbation_model
from scgde.sets._columns import SEPARATOR
from scgde.tl._generate import as_anndata, check_decodable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.results._journeys import Journeys
    from scgde.results._perturbed import PerturbationModel


@checked_keywords
@shared_docs
def predict_perturbations(
    adata: AnnData,
    perturbations: str | Sequence[str],
    *,
    context: str | Sequence[str] | None = None,
    dose: float | Sequence[float] = 1.0,
    move: str | None = None,
    start: str | None = None,
    decode: bool | None = None,
    key: str = "tde",
    seed: int = 0,
) -> AnnData:
    """Cells of a context as they are expected to be under a perturbation: its own control cells, moved.

    The predictor of the fit gives the displacement of embedding and mean, and real cells are moved by it. Where nothing
    is known of a perturbation, they are returned as they are, bit for bit.

    Parameters
    ----------
    adata
        A fitted AnnData, see :func:`fit_tde` with pairs of :func:`scgde.pp.perturbation_pairs`, or one with embedded
        sets, see :func:`embed`, among them the controls of the contexts.
    perturbations
        Names, combinations as ``"A+B"``: seen or unseen ones, of single perturbations that the fit has features of.
    context
        Contexts whose control cells are moved, also such that were not perturbed; by default all with control cells.
    dose
        One for all, or one for each of ``perturbations``: the displacement is multiplied by it.
    move
        How cells are moved. ``"shift"``: all by the predicted difference of means. ``"transport"``: by the transport of
        the fit to the predicted embedding, which also changes the shape of a set. ``"transport_to_mean"``: the same,
        then all shifted so that the mean is the predicted one. ``"resample"``: cells stay as they are, and come more or
        less often, as the predicted shares of their states say. By default what predicted training perturbations best
        that were left out of the predictor; where none could be, ``"shift"``.
    start
        ``"control"``: combinations start from control cells, too. ``"parts"``: from the cells of those of their parts
        that were observed in the context, if any. By default chosen as ``move`` is.
    decode
        %(decode_moved)s
    key
        %(key)s
    seed
        Random seed of counts, and of a transport that draws.

    Returns
    -------
    Moved cells in the modelled representation, or genes with ``decode``; of a fit of counts, integers as CSR, with
    ``obs["library_size"]``. ``obs["perturbation"]``, ``["context"]``, ``["source_set"]`` and ``["cell"]``, the name of
    the cell that was moved. ``uns["perturbations"]``: one row per
    prediction with ``displacement``, the length of that of the embedding; ``share``, its ratio to the root mean square
    of those of all training pairs; and ``is_known``, False where cells are returned as they are.

    Raises
    ------
    KeyError
        If there is no fit, a single perturbation is unknown, or a context has no control cells.
    RuntimeError
        If the fit has no pairs of perturbations or no predictor.
    ValueError
        If cells cannot be mapped back to genes, the layer does not hold counts, or there is no such move or start.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.predict_perturbations(screen, ["p_0+p_1"])
    >>> cells.obs.columns.tolist()
    ['perturbation', 'context', 'source_set', 'cell']
    """
    check_count(seed, "seed", minimum=0)
    names = [perturbations] if isinstance(perturbations, str) else list(perturbations)
    for name, value, options in (("move", move, list(MOVES)), ("start", start, list(STARTS))):
        if value is not None:
            check_one_of(value, name, options)
    check_decodable(read_model(adata, key, BaseTDE), decode=bool(decode))
    fitted = FittedSets.read(adata, key, BaseTDE)
    model = perturbation_model(fitted, fitted.content.get(_keys.PAIRS))
    controls = control_sets(fitted, context)
    asked = _asked(names, controls, dose)
    journeys = model.journeys(asked, start=start or model.chosen["start"])
    move = move or model.chosen["move"]
    rows = starting_rows(fitted, journeys, [fitted.index.rows(i) for i in journeys.start], move)
    as_counts = returns_counts(fitted.model, decode=decode)
    counts = MovedCounts(fitted.model, adata, np.concatenate(rows)) if as_counts else None
    cells = moved_cells(fitted, journeys, rows, move, seed=seed)
    obs = _obs(fitted, adata.obs_names, asked, journeys, rows)
    if counts is None:
        moved = as_anndata(fitted.model, np.concatenate(cells), obs, decode=bool(decode), seed=seed)
    else:
        moved = counts.to_adata(rows, [fitted.observed(part) for part in rows], cells, obs=obs, seed=seed)
    moved.uns["perturbations"] = _certainty(model, asked)
    return moved


def _asked(names: list[str], controls: np.ndarray, dose: float | Sequence[float]) -> Asked:
    if not names or not all(isinstance(name, str) for name in names):
        msg = f"`perturbations` must be names, one or more, got {names!r}."
        raise ValueError(msg)
    doses = np.asarray(dose, dtype=float)
    if doses.shape not in ((), (len(names),)) or not np.isfinite(doses).all():
        msg = f"`dose` must be a finite number, or one for each of {len(names)} perturbations, got {dose!r}."
        raise ValueError(msg)
    doses = np.broadcast_to(doses, len(names))
    return Asked(names * len(controls), np.repeat(controls, len(names)), np.tile(doses, len(controls)))


def _obs(
    fitted: FittedSets[BaseTDE], names: pd.Index, asked: Asked, journeys: Journeys, rows: list[np.ndarray]
) -> pd.DataFrame:
    number = np.repeat(journeys.prediction, [len(part) for part in rows])
    start = np.repeat(journeys.start, [len(part) for part in rows])
    cell = names[np.concatenate(rows)].to_numpy(dtype=object)
    perturbation = np.array(asked.perturbation, dtype=object)[number]
    context = _contexts(fitted, asked)[number]
    source = fitted.table.index[start]
    index = make_index_unique(pd.Index([f"{name}-{what}" for name, what in zip(cell, perturbation, strict=True)]))
    columns: dict[str, Any] = {"perturbation": perturbation, "context": context, "source_set": source}
    return pd.DataFrame({name: pd.Categorical(values) for name, values in columns.items()} | {"cell": cell}).set_axis(
        index
    )


def _contexts(fitted: FittedSets[BaseTDE], asked: Asked) -> np.ndarray:
    return np.array([name.rpartition(SEPARATOR)[0] for name in fitted.table.index[asked.source]], dtype=object)


def _certainty(model: PerturbationModel, asked: Asked) -> pd.DataFrame:
    embedding, *_, still = model.predicted(asked)
    length = np.linalg.norm(embedding - model.fitted.embedding[asked.source], axis=1)
    return pd.DataFrame(
        {
            "perturbation": asked.perturbation,
            "context": _contexts(model.fitted, asked),
            "displacement": length,
            "share": length / model.chosen["displacement"],
            "is_known": ~still,
        }
    ).set_axis(pd.RangeIndex(len(length)).astype(str))
