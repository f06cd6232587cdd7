from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde import _keys, metrics
from scgde._checks import as_names, check_count, check_one_of, check_seed
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde._progress import progress
from scgde.metrics import METRICS
from scgde.metrics._forecasts import DEFAULT_SCORES, ForecastScore, forecast_scores
from scgde.model._base_tde import BaseTDE
from scgde.model._predictor_fit import pair_covariates
from scgde.results import FittedSets, read_model
from scgde.results._choose_mixture import in_draws
from scgde.results._forecast_arms import MAIN_ARMS, Asked, Forecaster, forecast_cells, transported
from scgde.results._transport_baselines import TransportBaselines
from scgde.sets._entries import read_entries
from scgde.sets._pairs import SOURCE, TARGET
from scgde.sets._splits import first_with_sets
from scgde.tl._forecast import check_forecasts, drawn_arms, drawn_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

#: Splits that the floor of a pair is averaged over.
_N_SPLITS = 5


@checked_keywords
@shared_docs
def evaluate_transport(
    adata: AnnData,
    *,
    key: str = "tde",
    source_fit: str | None = None,
    pairs: Sequence[int | str] | None = None,
    n_draws: int = 20,
    n_cells: int = 300,
    metric: str | Sequence[str] = DEFAULT_SCORES,
    seed: int = 0,
) -> pd.DataFrame:
    """Distances between the forecast of held-out pairs and their true target cells, with baselines and the floor.

    Parameters
    ----------
    adata
        A fitted AnnData with the cells of all sets.
    key
        %(key)s
    source_fit
        Of a fit with ``condition="source"`` on the same sets and the same split, to compare with.
    pairs
        Rows of ``uns[key]["pairs"]``, by name. By default those that the fit held out; if it held out none, those that
        chose when to stop.
    n_draws
        Draws of the target embedding, see :func:`forecast`.
    n_cells
        Cells of a baseline that consists of target cells.
    metric
        Names in ``scgde.metrics.METRICS``: ``"energy"``, ``"gaussian_wasserstein"``, ``"mmd"``, ``"pseudobulk"``,
        ``"pseudobulk_sd"``, ``"sinkhorn"``, ``"sliced_wasserstein"``, ``"wasserstein"``, and those registered there.
        All are taken in features scaled as the model scales them, with one kernel or blur for all pairs.
        They score a forecast as the cells that it consists of: three cells are farther from the truth than the
        distribution that they were drawn from. ``"unbiased_energy"``, ``"unbiased_mmd"`` and ``"unbiased_pseudobulk"``
        score that distribution: they leave out the pairs of a cell with itself, also those of a source cell that was
        transported to several draws.
    seed
        %(seed)s

    Returns
    -------
    One row per pair, forecast and metric: the columns of ``uns[key]["pairs"]``, ``n_source`` and ``n_target`` cells,
    ``forecast``, ``metric`` and ``value``. Forecasts are

    - ``"identity"``: the source cells as they are;
    - ``"pooled targets"``: cells of all targets of training pairs, here and below of those at the same time and with
      the same covariates, where there are such;
    - ``"mean shift"``: the source cells, moved by the mean difference between targets and sources;
    - ``"shift and scale"``: these, also stretched by the mean ratio of standard deviations;
    - ``"nearest targets"``: target cells of the five training pairs whose sources have the nearest means;
    - ``"kernel look-up"``: target cells of training pairs, weighted by a kernel regression on the means of the sources;
    - ``"source-conditioned"``: of the fit ``source_fit``;
    - ``"embedding look-up"``, ``"transport without target"`` and ``"transport"``: parts of the forecast, see
      :func:`forecast`;
    - ``"forecast"``: of this fit, a mixture of these with identity, mean shift, and shift and scale;
    - ``"true target"``: transported to the embedding of the true target, the best that a predictor can do;
    - ``"split half"``: one half of the target cells against the other.

    Distances that need more cells than there are, are NaN.

    Raises
    ------
    KeyError
        If there is no fit, or no pair of that name.
    RuntimeError
        If the fit has no predictor.
    ValueError
        If cells are sequences, no pair was held out, or the fit under ``source_fit`` is not one of that kind and split.

    Examples
    --------
    >>> import scgde
    >>> table = scgde.tl.evaluate_transport(clones, n_draws=2, metric="unbiased_energy")
    >>> "forecast" in table["forecast"].unique()
    True
    """
    n_draws, n_cells = check_count(n_draws, "n_draws"), check_count(n_cells, "n_cells", minimum=2)
    rng = check_seed(seed)
    names = [check_one_of(name, "metric", METRICS.forms) for name in as_names(metric)]
    _check_numbers(model := read_model(adata, key, BaseTDE))
    table = _pairs(adata, key)
    chosen = _chosen(table, pairs)
    check_forecasts(model)
    other = None if source_fit is None else _source_conditioned(adata, source_fit, chosen)
    fitted = FittedSets.read(adata, key, BaseTDE)
    start, end = (fitted.rows_of(chosen[name], "pairs") for name in (SOURCE, TARGET))
    covariates = pair_covariates(fitted.model, chosen)
    truth = _clouds(fitted, end)
    known = table[table[_keys.SPLIT] == "train"]
    baselines = TransportBaselines(fitted, known if len(known) else table, chosen, n_cells)
    clouds = {"identity": _clouds(fitted, start), **baselines.forecasts(rng)}
    if other is not None:
        source = other.rows_of(chosen[SOURCE], "pairs")
        clouds["source-conditioned"] = _transported(other, source, np.zeros_like(other.embedding[source][:, None]))
    ends = drawn_targets(fitted, start, covariates, n_draws=n_draws, rng=rng)
    clouds |= _parts(fitted, start, covariates, ends, rng)
    if fitted.model.module.conditioning.needs_predictor:
        clouds["true target"] = _transported(fitted, start, fitted.embedding[end][:, None])
    by_name = forecast_scores(names, truth, seed)
    sizes = {"n_source": fitted.index.sizes[start], "n_target": fitted.index.sizes[end]}
    chosen = chosen.drop(columns=_keys.SPLIT).assign(**sizes)
    arms = progress(clouds.items(), "Score", unit="forecast", total=len(clouds))
    scores = [_scored(chosen, name, parts, truth, by_name, rng) for name, parts in arms]
    return pd.concat([*scores, _floor(chosen, truth, by_name, seed)], ignore_index=True)


def _check_numbers(model: BaseTDE) -> None:
    """Require cells that simple forecasts can shift and scale."""
    spec = model.module.target_spec
    if spec.n_values is not None:
        msg = (
            f"Cells of numbers are required, with which simple forecasts are computed, got {spec.kind}. Compare the "
            "words of transported cells with those of the target instead, by `scgde.metrics.kmer_distance`."
        )
        raise ValueError(msg)


def _pairs(adata: AnnData, key: str) -> pd.DataFrame:
    """Pairs of a fit, with the column ``split``."""
    return read_entries(adata, key, entry=_keys.PAIRS, made_by="scgde.tl.fit_tde")[_keys.PAIRS]


def _chosen(table: pd.DataFrame, pairs: Sequence[int | str] | None) -> pd.DataFrame:
    if pairs is not None:
        names = pd.Index([str(name) for name in pairs])
        missing = names.difference(table.index)
        if len(missing) or len(names) == 0:
            msg = f"`pairs` must name rows of the pairs of the fit, got {missing[:5].tolist()}."
            raise KeyError(msg)
        return table.loc[names]
    rows = first_with_sets(table[_keys.SPLIT])
    if len(rows) == 0:
        msg = (
            f"Pairs that the fit did not train on are required, but it trained on all {len(table)}. "
            "Fit with `split_key` or `validation_fraction`, or name `pairs` to see how the fit does on what it knows."
        )
        raise ValueError(msg)
    return table.iloc[rows]


def _source_conditioned(adata: AnnData, key: str, pairs: pd.DataFrame) -> FittedSets[BaseTDE]:
    table = _pairs(adata, key)
    if read_model(adata, key, BaseTDE).module.conditioning.needs_predictor:
        found = adata.uns[key][_keys.PARAMS].get("condition")
        msg = f'`source_fit` must name a fit with `condition="source"`, got one with {found!r}.'
        raise ValueError(msg)
    known = table.set_index([SOURCE, TARGET])[_keys.SPLIT]
    found = known.reindex(pd.MultiIndex.from_frame(pairs[[SOURCE, TARGET]]))
    if (found.astype(str).to_numpy() != pairs[_keys.SPLIT].astype(str).to_numpy()).any():
        msg = f"`source_fit` must name a fit on the same sets and the same split, but {key!r} used other pairs."
        raise ValueError(msg)
    return FittedSets.read(adata, key, BaseTDE)


def _clouds(fitted: FittedSets, sets: np.ndarray) -> list[np.ndarray]:
    """Observed cells of some sets."""
    return [fitted.ground(fitted.index.rows(i)) for i in sets]


def _parts(
    fitted: FittedSets[BaseTDE], source: np.ndarray, covariates: np.ndarray, ends: np.ndarray, rng: np.random.Generator
) -> dict[str, list[np.ndarray]]:
    """The forecast of each pair and, of a mixture, its parts but for the baselines, cells ``(D, n, G)`` each."""
    model, rows = fitted.model, [fitted.index.rows(i) for i in source]
    asked, forecaster = Asked.of(source, rows, covariates, ends), Forecaster(fitted, model.mixture)
    known = {} if model.mixture is None else model.mixture.shares
    methods = {name: name for name in MAIN_ARMS if name in known} | {"forecast": None}
    arms = {name: drawn_arms(model, method, len(source), ends.shape[1], rng) for name, method in methods.items()}
    cells = {name: forecast_cells(forecaster, asked, names.ravel(), rng=rng) for name, names in arms.items()}
    return {name: in_draws(fitted, parts, len(source)) for name, parts in cells.items()}


def _transported(fitted: FittedSets[BaseTDE], source: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Cells of each source, transported to each of its draws, shape ``(D, n, G)``."""
    return in_draws(fitted, transported(fitted, Asked.of_sets(fitted, source, ends)), len(source))


def _scored(
    pairs: pd.DataFrame,
    name: str,
    clouds: list[np.ndarray],
    truth: list[np.ndarray],
    chosen: dict[str, ForecastScore],
    rng: np.random.Generator,
) -> pd.DataFrame:
    scores = [
        pairs.assign(
            forecast=name, metric=metric, value=[measure(*ends, rng) for ends in zip(clouds, truth, strict=True)]
        )
        for metric, measure in chosen.items()
    ]
    return pd.concat(scores)


def _floor(pairs: pd.DataFrame, truth: list[np.ndarray], chosen: dict[str, ForecastScore], seed: int) -> pd.DataFrame:
    rng, scores = np.random.default_rng(seed), []
    for metric, measure in chosen.items():
        floor = partial(metrics.split_half, metric=partial(measure, rng=rng), n_splits=_N_SPLITS, seed=seed)
        value = [floor(cells) if len(cells) > 1 else np.nan for cells in truth]
        scores.append(pairs.assign(forecast="split half", metric=metric, value=value))
    return pd.concat(scores)
