"""In which shares forecasts are mixed: those that are best for pairs that were left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scgde import _keys
from scgde.metrics._mixture_terms import MixtureDistances, MixtureTerms
from scgde.model._forecast_mixture import LOOK_UP, TRANSPORT, ForecastMixture, KnownPairs
from scgde.model._predictor_fit import ends_of, pair_covariates
from scgde.predictors import Kernel
from scgde.predictors._choose import N_FOLDS, folds
from scgde.results._forecast_arms import ARMS, WITHOUT_TARGET, Asked, Forecaster, forecast_cells
from scgde.results._mixture_shares import balanced_mixture, cautious_mixture, losses_by_name, mean_terms
from scgde.sets._pairs import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from scgde.model._base_tde import BaseTDE
    from scgde.model._predictor_fit import SetStatistic
    from scgde.results._fitted_sets import FittedSets

#: Groups without which nothing is chosen; pairs that are enough; pairs that a look-up reads; cells of a set.
_MIN_GROUPS, _ENOUGH_PAIRS, _MAX_PAIRS, _MAX_CELLS = 3, 60, 2000, 50
#: Validated groups from which these alone choose.
MIN_VALIDATED = 10
#: Draws of the forecasts that have several.
_N_DRAWS = {LOOK_UP: 10, WITHOUT_TARGET: 10, TRANSPORT: 10}
#: How much a transport without a target may smooth its source; how many times its own cells a forecast counts as.
_SMOOTHING, _AS_MANY = (0.0, 0.1, 0.2, 0.4), 2


class _Candidate(NamedTuple):
    """A forecast, and how much it smooths its source."""

    arm: str
    smoothing: float


class _LeftOut(NamedTuple):
    """Forecasts ``(D, n, G)`` and true cells ``(m, G)`` of a pair, all cells of its source, and its group."""

    forecasts: tuple[np.ndarray, ...]
    truth: np.ndarray
    n_cells: int
    group: str


class _Part(NamedTuple):
    """Pairs to learn from, and pairs to forecast."""

    known: pd.DataFrame
    asked: pd.DataFrame


def fit_mixture(
    fitted: FittedSets[BaseTDE], statistic: SetStatistic, pairs: pd.DataFrame, *, seed: int
) -> ForecastMixture | None:
    """The mixture of forecasts that is best for pairs that were left out of predictor and look-up.

    The pairs are those of validation sets, where these have ten groups or more: the networks were not trained on them
    either, and only these can say what a transport without a target is worth. The shares are then between those with
    the lowest energy distance and those with the lowest unbiased one. Otherwise training pairs are left out group by
    group, and the shares are nearer to the transport alone, by the energy distance of twice as many cells as the
    forecast consists of: half-way between both forms.

    Parameters
    ----------
    fitted
        A trained transport.
    statistic
        Embeddings, and what is known of their errors.
    pairs
        All that may be learnt from, with their ``split``.
    seed
        Random seed.

    Returns
    -------
    None where there are fewer than three groups.
    """
    rng = np.random.default_rng(seed)
    groups = np.unique(pairs[GROUP].to_numpy(dtype=str), return_inverse=True)[1]
    if groups.max() + 1 < _MIN_GROUPS:
        return None
    validated = (pairs[_keys.SPLIT] == "validation").to_numpy()
    is_validated = is_worth_validating(pairs)
    candidates = _candidates(without_target=is_validated and bool(fitted.params.get("target_dropout")))
    parts = [_Part(pairs[~validated], pairs[validated])] if is_validated else _parts(pairs, groups, rng)
    left_out = [one for part in parts for one in _left_out(fitted, statistic, part, candidates, rng, seed)]
    if not left_out:
        return None
    energy, judged, unbiased = _terms(left_out)
    kept = _smoothed_best(candidates, mean_terms(judged))
    names, smoothing = [candidates[i].arm for i in kept], max(candidates[i].smoothing for i in kept)
    energy, judged, unbiased = ([one.take(kept) for one in terms] for terms in (energy, judged, unbiased))
    groups = np.array([one.group for one in left_out])
    shares = (
        balanced_mixture(energy, unbiased) if is_validated else cautious_mixture(judged, names.index(TRANSPORT), groups)
    )
    losses, unbiased_losses = (losses_by_name(names, shares, terms) for terms in (energy, unbiased))
    by_name = dict(zip(names, shares.tolist(), strict=True))
    known = _known(fitted, pairs, rng, seed)
    return ForecastMixture(by_name, losses, unbiased_losses, len(left_out), *known, smoothing=smoothing)


def _terms(left_out: list[_LeftOut]) -> Iterator[list[MixtureTerms]]:
    """Terms of the energy distance of forecasts as the cells that they are, as twice as many cells, and unbiased."""
    distances = [MixtureDistances.of(one.forecasts, one.truth) for one in left_out]
    for times in (1, _AS_MANY, np.inf):
        yield [found.terms(times * one.n_cells) for found, one in zip(distances, left_out, strict=True)]


def _candidates(*, without_target: bool) -> list[_Candidate]:
    """Forecasts that may be mixed; a transport without a target, if it takes part, from sources of each smoothness."""
    names = [name for name in ARMS if without_target or name != WITHOUT_TARGET]
    each = {WITHOUT_TARGET: _SMOOTHING}
    return [_Candidate(name, smoothing) for name in names for smoothing in each.get(name, (0.0,))]


def _smoothed_best(candidates: list[_Candidate], mean: MixtureTerms) -> list[int]:
    """Which candidates are mixed: of each forecast, the one with the lowest loss alone."""
    loss = [mean.loss(alone) for alone in np.eye(len(candidates))]
    names = dict.fromkeys(one.arm for one in candidates)
    of_name = {name: [i for i, one in enumerate(candidates) if one.arm == name] for name in names}
    return [min(rows, key=loss.__getitem__) for rows in of_name.values()]


def is_worth_validating(pairs: pd.DataFrame) -> bool:
    """Whether enough groups of pairs were left out of training to choose by them alone."""
    validated = (pairs[_keys.SPLIT] == "validation").to_numpy()
    return pairs.loc[validated, GROUP].nunique() >= MIN_VALIDATED and int((~validated).sum()) >= MIN_VALIDATED


def _parts(pairs: pd.DataFrame, groups: np.ndarray, rng: np.random.Generator) -> Iterator[_Part]:
    """Pairs in folds by group, until enough of them were left out."""
    fold, n_asked = folds(groups, N_FOLDS, rng), 0
    for number in range(N_FOLDS):
        asked = fold == number
        if n_asked < _ENOUGH_PAIRS and asked.any() and (~asked).sum() > 1:
            n_asked += asked.sum()
            yield _Part(pairs[~asked], pairs[asked])


def _left_out(
    fitted: FittedSets[BaseTDE],
    statistic: SetStatistic,
    part: _Part,
    candidates: list[_Candidate],
    rng: np.random.Generator,
    seed: int,
) -> list[_LeftOut]:
    """Pairs that were left out, with two cells or more at both ends."""
    source, target = ends_of(fitted.cells, part.asked).T
    sizes = np.minimum(fitted.index.sizes[source], fitted.index.sizes[target])
    used = rng.permutation(np.flatnonzero(sizes > 1))[: 2 * _ENOUGH_PAIRS]
    if len(used) == 0:
        return []
    covariates = pair_covariates(fitted.model, part.asked)[used]
    drawn = _drawn(fitted, statistic, part.known, source[used], covariates, rng, seed)
    blank = ForecastMixture({}, {}, {}, 0, *_known(fitted, part.known, rng, seed))
    rows = [_some(fitted.index.rows(i), rng) for i in source[used]]
    forecasts = []
    for name, smoothing in candidates:
        asked = Asked.of(source[used], rows, covariates, drawn[:, : _N_DRAWS.get(name, 1)])
        arms = np.full(len(asked.pair), name, dtype=object)
        cells = forecast_cells(Forecaster(fitted, replace(blank, smoothing=smoothing)), asked, arms, rng=rng)
        forecasts.append(in_draws(fitted, cells, len(used)))
    truth = [fitted.ground(_some(fitted.index.rows(i), rng)) for i in target[used]]
    groups = part.asked[GROUP].to_numpy(dtype=str)[used]
    each = zip(zip(*forecasts, strict=True), truth, fitted.index.sizes[source[used]].tolist(), groups, strict=True)
    return [_LeftOut(*one) for one in each]


def in_draws(fitted: FittedSets[BaseTDE], cells: list[np.ndarray], n_pairs: int) -> list[np.ndarray]:
    """Cells ``(1, n, *shape)`` of each draw, those of a pair together and in ground coordinates, ``(D, n, G)``."""
    n_draws = len(cells) // n_pairs
    ground = [fitted.model.ground(path[0]) for path in cells]
    return [np.stack(ground[start : start + n_draws]) for start in range(0, len(ground), n_draws)]


def _drawn(
    fitted: FittedSets[BaseTDE],
    statistic: SetStatistic,
    known: pd.DataFrame,
    source: np.ndarray,
    covariates: np.ndarray,
    rng: np.random.Generator,
    seed: int,
) -> np.ndarray:
    """Target embeddings by a predictor that was fitted to ``known`` pairs, shape ``(P, D, E)``."""
    assert fitted.model.predictor is not None
    predictor, of_known = fitted.model.predictor.blank(), pair_covariates(fitted.model, known)
    statistic.fit(predictor, ends_of(fitted.cells, known), of_known, known[GROUP].to_numpy(dtype=str), seed)
    has_noise = predictor.uses_covariance and statistic.covariance is not None
    noise = np.asarray(statistic.covariance)[source] if has_noise else None
    options: dict[str, Any] = {"covariates": covariates, "source_covariance": noise, "rng": rng}
    return predictor.draw(fitted.embedding[source], n_draws=_N_DRAWS[TRANSPORT], **options)


def _known(
    fitted: FittedSets[BaseTDE], pairs: pd.DataFrame, rng: np.random.Generator, seed: int
) -> tuple[KnownPairs, Kernel]:
    """What simple forecasts read of pairs, and the look-up among them."""
    if len(pairs) > _MAX_PAIRS:
        pairs = pairs.iloc[np.sort(rng.choice(len(pairs), _MAX_PAIRS, replace=False))]
    covariates, ends = pair_covariates(fitted.model, pairs), ends_of(fitted.cells, pairs)
    cells = ((_observed(fitted, start), _observed(fitted, end)) for start, end in ends)
    look_up = Kernel(relative=False, residuals=False)
    source, target = (fitted.embedding[end] for end in ends.T)
    look_up.fit(source, target, covariates=covariates, groups=pairs[GROUP].to_numpy(dtype=str), seed=seed)
    return KnownPairs.of(cells, covariates, rng), look_up


def _observed(fitted: FittedSets[BaseTDE], set_: int) -> np.ndarray:
    return fitted.observed(fitted.index.rows(set_))


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:_MAX_CELLS]
