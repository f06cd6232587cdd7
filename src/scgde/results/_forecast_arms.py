"""Where the cells of a set may be expected: forecasts that need no network, and those of a transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scgde.model._forecast_mixture import LOOK_UP, TRANSPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scgde.model._base_tde import BaseTDE
    from scgde.model._forecast_mixture import ForecastMixture
    from scgde.results._fitted_sets import FittedSets


class Asked(NamedTuple):
    """Draws of forecasts: each of them transports the cells of one source once.

    Attributes
    ----------
    pair
        Number of the pair that is forecast, not decreasing, shape ``(J,)``.
    source
        Row of the set table, shape ``(J,)``.
    rows
        Which cells: rows of the data, a list of J arrays ``(n,)``.
    covariates
        Of the pair, shape ``(J, c)``.
    ends
        Embedding drawn for the target, shape ``(J, E)``.
    """

    pair: np.ndarray
    source: np.ndarray
    rows: list[np.ndarray]
    covariates: np.ndarray
    ends: np.ndarray

    @classmethod
    def of_sets(cls, fitted: FittedSets[BaseTDE], source: np.ndarray, ends: np.ndarray) -> Asked:
        """All cells of each of P sets, as often as it has target embeddings, ``(P, D, E)``."""
        return cls.of(source, [fitted.index.rows(i) for i in source], np.zeros((len(source), 0)), ends)

    @classmethod
    def of(cls, source: np.ndarray, rows: Sequence[np.ndarray], covariates: np.ndarray, ends: np.ndarray) -> Asked:
        """Each of P pairs as often as it has draws of its target, ``(P, D, E)``."""
        pair = np.repeat(np.arange(len(source)), ends.shape[1])
        return cls(pair, source[pair], [rows[int(i)] for i in pair], covariates[pair], ends.reshape(-1, ends.shape[-1]))

    def take(self, draws: np.ndarray) -> Asked:
        """Some of the draws."""
        rows = [self.rows[i] for i in draws]
        return Asked(self.pair[draws], self.source[draws], rows, self.covariates[draws], self.ends[draws])


class Forecaster(NamedTuple):
    """A fit, and what forecasts read of its training pairs; None where they need nothing of them."""

    fitted: FittedSets[BaseTDE]
    mixture: ForecastMixture | None


def forecast_cells(
    forecaster: Forecaster,
    asked: Asked,
    arms: np.ndarray,
    *,
    times: Sequence[float] = (1.0,),
    rng: np.random.Generator,
    seed: int = 0,
) -> list[np.ndarray]:
    """Forecast of each draw, by the arm named for it.

    Parameters
    ----------
    forecaster
        The fit.
    asked
        Draws.
    arms
        Names in ``ARMS``, shape ``(J,)``.
    times
        On the path of each cell, straight but for transports.
    rng
        Random state of a look-up.
    seed
        Random seed of a transport that draws.

    Returns
    -------
    Modelled cells, a list of J arrays ``(T, n, *shape)``.
    """
    cells: list[Any] = [None] * len(arms)
    for arm in dict.fromkeys(arms):
        draws = np.flatnonzero(arms == arm)
        options = {"times": times, "rng": rng, "seed": seed}
        for draw, path in zip(draws, ARMS[arm](forecaster, asked.take(draws), **options), strict=True):
            cells[draw] = path
    return cells


def _identity(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    cells = _observed(forecaster, asked)
    return _straight(cells, cells, options["times"])


def _mean_shift(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    return _shifted(forecaster, asked, rescale=False, times=options["times"])


def _shift_and_scale(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    return _shifted(forecaster, asked, rescale=True, times=options["times"])


def _shifted(forecaster: Forecaster, asked: Asked, *, rescale: bool, times: Sequence[float]) -> list[np.ndarray]:
    pairs, cells = _mixture(forecaster).pairs, _observed(forecaster, asked)
    each = zip(cells, asked.covariates, strict=True)
    return _straight(cells, [pairs.shifted(part, row, rescale=rescale) for part, row in each], times)


def _look_up(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    """Target cells of training pairs, by the weights of the pairs: those of all draws of a pair are drawn at once."""
    mixture, cells, rng = _mixture(forecaster), _observed(forecaster, asked), options["rng"]
    first = np.unique(asked.pair, return_index=True)[1]
    embedding = forecaster.fitted.embedding[asked.source[first]]
    inputs = mixture.look_up.fitted_scaling().inputs(embedding, asked.covariates[first], None)
    ends: list[Any] = [None] * len(cells)
    for start, weights in zip(first, mixture.look_up.weights(inputs), strict=True):
        draws = np.flatnonzero(asked.pair == asked.pair[start])
        found = mixture.pairs.targets(weights, len(draws) * len(cells[start]), rng)
        for draw, part in zip(draws, np.split(found, len(draws)), strict=True):
            ends[draw] = part
    return _straight(cells, ends, options["times"])


def _without_target(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    """Transported by what is known of the source alone, as pairs were that came without a target.

    Each draw is of other cells: a smoothed bootstrap of the source. The few cells of a source are a sample, too, and
    nothing else varies in a transport that has one end for each cell.
    """
    mixture, cells, times = _mixture(forecaster), _observed(forecaster, asked), options["times"]
    width = mixture.smoothing * mixture.pairs.spread
    noise = [(width * options["rng"].standard_normal(part.shape)).astype(part.dtype) for part in cells]
    smooth = [part + shift for part, shift in zip(cells, noise, strict=True)]
    once = asked._replace(ends=np.zeros_like(asked.ends))
    paths = transported(forecaster.fitted, once, smooth, times=times, seed=options["seed"])
    # Paths begin at the cells themselves.
    back = 1 - np.array(times, dtype=np.float32)[:, None, None]
    return [path - back * shift for path, shift in zip(paths, noise, strict=True)]


def _transport(forecaster: Forecaster, asked: Asked, **options: Any) -> list[np.ndarray]:
    """Transported to the embeddings that were drawn."""
    return transported(forecaster.fitted, asked, times=options["times"], seed=options["seed"])


def transported(
    fitted: FittedSets[BaseTDE],
    asked: Asked,
    cells: Sequence[np.ndarray] | None = None,
    *,
    times: Sequence[float] = (1.0,),
    seed: int = 0,
) -> list[np.ndarray]:
    """Cells of the source of each draw, transported to the embedding drawn for its target.

    Parameters
    ----------
    fitted
        The transport, with its cells.
    asked
        Draws.
    cells
        Of each draw ``(n, *shape)``, in place of those of the source.
    times, seed
        See :meth:`scgde.model.TDE.transport`.

    Returns
    -------
    Modelled cells, a list of J arrays ``(T, n, *shape)``.
    """
    sizes = [len(rows) for rows in asked.rows]
    x = fitted.observed(np.concatenate(asked.rows)) if cells is None else np.concatenate(cells)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    path = fitted.model.transport(x, codes, fitted.embedding[asked.source], asked.ends, times=times, seed=seed)
    return np.split(path, np.cumsum(sizes)[:-1], axis=1)


#: Forecasts that may be mixed: the simplest first.
WITHOUT_TARGET = "transport without target"
ARMS: dict[str, Callable[..., list[np.ndarray]]] = {
    "identity": _identity,
    "mean shift": _mean_shift,
    "shift and scale": _shift_and_scale,
    LOOK_UP: _look_up,
    WITHOUT_TARGET: _without_target,
    TRANSPORT: _transport,
}


#: Those that :func:`scgde.results._transport_baselines.TransportBaselines` does not have.
MAIN_ARMS = (LOOK_UP, WITHOUT_TARGET, TRANSPORT)


def _mixture(forecaster: Forecaster) -> ForecastMixture:
    assert forecaster.mixture is not None
    return forecaster.mixture


def _observed(forecaster: Forecaster, asked: Asked) -> list[np.ndarray]:
    """Source cells of each draw, ``(n, *shape)``."""
    sizes = [len(rows) for rows in asked.rows]
    return np.split(forecaster.fitted.observed(np.concatenate(asked.rows)), np.cumsum(sizes)[:-1])


def _straight(start: list[np.ndarray], end: list[np.ndarray], times: Sequence[float]) -> list[np.ndarray]:
    """Straight paths of cells, ``(T, n, *shape)`` each."""
    return [np.stack([(1 - t) * a + t * b for t in times]).astype(np.float32) for a, b in zip(start, end, strict=True)]
