from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scgde import _keys
from scgde._checks import check_count, check_one_of, check_seed
from scgde._docs import shared_docs
from scgde._hints import checked_keywords
from scgde.model._base_tde import BaseTDE
from scgde.model._predictor_fit import covariance_of
from scgde.results import FittedSets, read_model
from scgde.results._forecast_arms import TRANSPORT, Asked, Forecaster, forecast_cells
from scgde.sets import TimeScale
from scgde.sets._pair_covariates import covariates_of, encode_covariates
from scgde.sets._pairs import PERTURBATION, TIME_FROM, TIME_TO
from scgde.tl._generate import check_decodable
from scgde.tl._transport import (
    SOURCE_SET,
    sources,
    times_on_path,
    transported_anndata,
    transported_obs,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde._types import SetLike
    from scgde.sets._perturbations import ConditionFeatures


#: The column of ``obs`` with the forecast of a draw, and the method that mixes several.
ARM, MIXTURE = "arm", "mixture"


@checked_keywords
@shared_docs
def forecast(
    adata: AnnData,
    source: SetLike | Sequence[SetLike],
    *,
    to: Any = None,
    method: str | None = None,
    n_draws: int = 20,
    n_times: int = 1,
    decode: bool = False,
    key: str = "tde",
    seed: int = 0,
) -> AnnData:
    """Forecast the cells that sets become: a mixture of simple forecasts and of a transport to predicted targets.

    What becomes of a clone is not known from its cells. The predictor gives a distribution over target embeddings, and
    the cells are transported to several draws of it. Simple forecasts can be as good. So each draw is of one of several
    forecasts, in shares that the fit chose by pairs that it had left out:

    - ``"identity"``: the source cells as they are;
    - ``"mean shift"`` and ``"shift and scale"``: these, changed as training pairs with the same covariates change;
    - ``"embedding look-up"``: target cells of training pairs whose sources have similar embeddings;
    - ``"transport without target"``: transported by the embedding of the source alone, where the fit learnt that;
    - ``"transport"``: transported to the draws of the predictor.

    All draws together are the forecast. ``uns["forecast"]["mixture"]`` and the printed model say what is mixed.

    Parameters
    ----------
    adata
        A fitted AnnData, or one with embedded sets, with its cells.
    source
        Sets whose cells are transported. %(sets_like)s
    to
        The time that is forecast, where the fit had a ``time_key``, or the perturbation, where it had ``pairs`` of
        perturbations. With further covariates a mapping from their names (and that of ``time_key``, or
        ``"perturbation"``) to values.
    method
        ``"mixture"``, the default where the fit has chosen one, or one of the forecasts above for all draws. Fits of
        perturbations, of cells that are no vectors, and of fewer than three groups of pairs have ``"transport"`` alone.
    n_draws
        Draws of the forecast. A transport conditioned on the source alone has one end for each cell, and takes none.
    n_times
        Times of each cell: 1 for where it arrives, more for its path, from where it starts to where it arrives. Cells
        that are not transported go straight.
    decode
        %(decode)s
    key
        %(key)s
    seed
        %(seed)s

    Returns
    -------
    The forecast cells, as :func:`transport` gives them, with ``obs["draw"]`` and the draw in their names, and with
    ``obs["arm"]``, the forecast that the draw is of. A mixture has ``uns["forecast"]["mixture"]``, with a row for each
    of them: its ``share``, and its ``energy`` distance and ``unbiased_energy`` on pairs that were left out; in the last
    row are those of the mixture. The certainty: ``uns["forecast"]["embedding"]``, the drawn embeddings, shape
    ``(n_sources, n_draws, E)``, and ``uns["forecast"]["sets"]``: one row per source with the ``spread`` of its draws,
    root mean squared distance from their mean, and the ``relative_spread``, its ratio to that of the targets of all
    training pairs: 0 where the target is certain, 1 where nothing is known; and with ``in_support``, False where the
    source, with what ``to`` says, is farther from those of every training pair than training pairs are from their
    nearest one (95 % of them).

    Raises
    ------
    KeyError
        If there is no fit, or no set of that name.
    RuntimeError
        If the fit had no pairs to learn a predictor from.
    ValueError
        If ``to`` does not give the covariates of the predictor, the fit has no such ``method``, or cells cannot be
        mapped back to genes.

    Examples
    --------
    >>> import scgde
    >>> cells = scgde.tl.forecast(clones, "clone_02|2", to=4, n_draws=3)
    >>> cells.obs["draw"].nunique()
    3
    """
    n_draws, n_times = check_count(n_draws, "n_draws"), check_count(n_times, "n_times")
    rng = check_seed(seed)
    model = read_model(adata, key, BaseTDE)
    check_decodable(model, decode=decode)
    check_forecasts(model)
    fitted = FittedSets.read(adata, key, BaseTDE)
    start = sources(adata, fitted, source, key)
    covariates = _covariates(fitted, start, to)
    ends = drawn_targets(fitted, start, covariates, n_draws=n_draws, rng=rng)
    arms = drawn_arms(model, method, len(start), ends.shape[1], rng)
    times = times_on_path(n_times)
    asked = Asked.of(start, [fitted.index.rows(i) for i in start], covariates, ends)
    forecaster = Forecaster(fitted, model.mixture)
    parts = forecast_cells(forecaster, asked, arms.ravel(), times=times, rng=rng, seed=seed)
    obs = transported_obs(fitted, adata.obs_names, start, ["forecast"] * len(start), ends.shape[1])
    obs[ARM] = pd.Categorical(np.repeat(arms.ravel(), [part.shape[1] for part in parts]))
    cells = transported_anndata(model, np.concatenate(parts, axis=1), obs, times, decode=decode, seed=seed)
    cells.uns["forecast"] = {_keys.EMBEDDING: ends, _keys.SETS: _certainty(fitted, start, covariates, ends)}
    if model.mixture is not None:
        cells.uns["forecast"]["mixture"] = model.mixture.to_frame()
    return cells


def drawn_arms(
    model: BaseTDE, method: str | None, n_sources: int, n_draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Which forecast each draw of each source is of: names, shape ``(n_sources, n_draws)``.

    Raises
    ------
    ValueError
        If the fit has no such method.
    """
    mixture = model.mixture
    known = [TRANSPORT] if mixture is None else [MIXTURE, *mixture.shares]
    method = check_one_of(known[0] if method is None else method, "method", known)
    if method == MIXTURE and mixture is not None:
        return mixture.draw(n_sources, n_draws, rng)
    return np.full((n_sources, n_draws), method, dtype=object)


def check_forecasts(model: BaseTDE) -> None:
    """Require a predictor, or a transport that needs none."""
    if not model.module.conditioning.needs_predictor or model.predictor is not None:
        return
    msg = (
        "A forecast needs a predictor, which is fitted on two pairs or more with `predictor` and "
        '`condition="both"`, but this fit has none. Fit with `time_key` or `pairs`, or transport cells to a set that '
        "is known with `scgde.tl.transport`."
    )
    raise RuntimeError(msg)


def drawn_targets(
    fitted: FittedSets[BaseTDE],
    source: np.ndarray,
    covariates: np.ndarray,
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Target embeddings of sets ``(P,)``, shape ``(P, n_draws, E)``; of a transport that needs none, one of zeros."""
    model, z = fitted.model, fitted.embedding[source]
    if not model.module.conditioning.needs_predictor:
        return np.zeros((len(z), 1, z.shape[1]), dtype=np.float32)
    assert model.predictor is not None
    noise = covariance_of(model, fitted.cells, source) if model.predictor.uses_covariance else None
    return model.predictor.draw(z, covariates=covariates, source_covariance=noise, n_draws=n_draws, rng=rng)


def _covariates(fitted: FittedSets[BaseTDE], source: np.ndarray, to: Any) -> np.ndarray:
    """Covariates of each source as the predictor takes them, shape ``(P, c)``."""
    model, known = fitted.model, fitted.model.fitted_on or {}
    names, time_key = known["covariates"], known["time_key"]
    if not model.module.conditioning.needs_predictor:
        return np.zeros((len(source), 0))
    categories = known.get("categories", {})
    wanted = [time_key if name == TIME_TO else name for name in covariates_of(names, categories) if name != TIME_FROM]
    wanted += [PERTURBATION] if model.conditions is not None else []
    values = dict(to) if isinstance(to, Mapping) else {wanted[0]: to} if to is not None and len(wanted) == 1 else {}
    if set(values) != set(wanted) or (to is not None and not wanted):
        need = f"give a value for {wanted}, the covariates of the predictor" if wanted else "be left out"
        msg = f"`to` must {need}, got {to!r}."
        raise ValueError(msg)
    features = [] if model.conditions is None else [_features(model.conditions, values.pop(PERTURBATION), len(source))]
    encoded = encode_covariates(values, categories)
    columns = {name: np.full(len(source), _number(known, name, value)) for name, value in encoded.items()}
    if time_key is not None:
        columns[TIME_TO] = columns.pop(time_key)
        columns[TIME_FROM] = TimeScale(**known["time_scale"]).read(fitted.table[str(time_key)].iloc[source])
    numbers = np.stack([columns[name] for name in names], axis=1) if names else np.zeros((len(source), 0))
    return np.concatenate([numbers, *features], axis=1)


def _features(conditions: ConditionFeatures, perturbation: Any, n: int) -> np.ndarray:
    """Features of one perturbation for each of ``n`` sources."""
    if not isinstance(perturbation, str):
        msg = f"`to` must name a perturbation, such as {conditions.names[:3]}, got {perturbation!r}."
        raise ValueError(msg)
    return conditions.rows([perturbation] * n)


def _number(known: dict[str, Any], name: str, value: Any) -> float:
    if name == known["time_key"]:
        value = TimeScale(**known["time_scale"]).number(value)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        msg = f"`to` must hold finite numbers, got {value!r} for {name!r}."
        raise ValueError(msg)
    return float(value)


def _certainty(
    fitted: FittedSets[BaseTDE], source: np.ndarray, covariates: np.ndarray, ends: np.ndarray
) -> pd.DataFrame:
    spread = np.sqrt(ends.var(axis=1).sum(axis=-1))
    table = pd.DataFrame({"spread": spread}, index=pd.Index(fitted.table.index[source], name=SOURCE_SET))
    predictor = fitted.model.predictor
    if predictor is None:
        return table
    inside = predictor.in_support(fitted.embedding[source], covariates=covariates)
    return table.assign(relative_spread=spread / predictor.target_spread, in_support=inside)
