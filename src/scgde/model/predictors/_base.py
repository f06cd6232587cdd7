from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from scgde._checks import check_count
from scgde._registry import Registry
from scgde.model.predictors._inputs import Inputs, Units
from scgde.stats._extrapolation import in_support

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from scgde._types import Config

#: Names of arrays that every predictor stores: the places of its training pairs, and its units.
_SEEN, _UNITS = "seen", "units."


class Predictor(ABC):
    """Conditional distribution of the embedding of a target, given the embedding of its source and covariates.

    Parameters
    ----------
    **options
        Plain values.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._units: Units | None = None
        self._seen = np.zeros((0, 0), dtype=np.float32)
        #: All that was learnt, by name.
        self._state: dict[str, np.ndarray] = {}

    def fit(
        self,
        source: ArrayLike,
        target: ArrayLike,
        *,
        covariates: ArrayLike | None = None,
        source_covariance: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        seed: int = 0,
    ) -> Self:
        """Learn from pairs.

        Parameters
        ----------
        source, target
            Embeddings, shape ``(n, E)`` each.
        covariates
            Of each pair, shape ``(n, c)``.
        source_covariance
            Of each source embedding, by the central limit theorem, shape ``(n, E, E)``; NaN where there is none.
        groups
            Clone or donor of each pair, shape ``(n,)``: pairs of one are on one side of every split by which options
            are chosen. By default each pair is its own.
        seed
            Random seed.

        Raises
        ------
        ValueError
            If there are fewer than two pairs, shapes do not belong together, or a value is not finite.
        """
        z, end = _matrix(source, "source"), _matrix(target, "target")
        if z.shape != end.shape or len(z) < 2:
            msg = f"`source` and `target` must have one shape (n, E), n at least 2, got {z.shape} and {end.shape}."
            raise ValueError(msg)
        side = _covariates(covariates, len(z))
        labels = np.arange(len(z)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
        self._units = Units.of(z, side, end)
        inputs = self._units.inputs(z, side, source_covariance)
        self._fit(inputs, self._units.targets(end), labels, rng)
        self._seen = np.unique(inputs.place, axis=0)
        return self

    def draw(
        self,
        source: ArrayLike,
        *,
        covariates: ArrayLike | None = None,
        source_covariance: ArrayLike | None = None,
        n_draws: int = 1,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Draw target embeddings.

        Parameters
        ----------
        source
            Embeddings, shape ``(m, E)``.
        covariates, source_covariance
            As in :meth:`fit`, shapes ``(m, c)`` and ``(m, E, E)``.
        n_draws
            Draws for each source.
        rng
            Random state.

        Returns
        -------
        float32, shape ``(m, n_draws, E)``.
        """
        n_draws = check_count(n_draws, "n_draws")
        units, inputs = self._inputs(source, covariates, source_covariance)
        return units.restore(self._draw(inputs, n_draws, rng))

    def mean(
        self, source: ArrayLike, *, covariates: ArrayLike | None = None, source_covariance: ArrayLike | None = None
    ) -> np.ndarray:
        """Mean of the target embedding, float32 of shape ``(m, E)``; arguments as in :meth:`draw`."""
        units, inputs = self._inputs(source, covariates, source_covariance)
        return units.restore(self._mean(inputs))

    def in_support(self, source: ArrayLike, *, covariates: ArrayLike | None = None) -> np.ndarray:
        """Whether each source and its covariates are among those that were seen, bool of shape ``(m,)``.

        They are, when as near to those of a training pair as 95 % of the training pairs are to another one.
        """
        return in_support(self._inputs(source, covariates, None)[1].place, self._seen)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """The fitted predictor as plain values and arrays."""
        units = self._fitted_units()
        name = next(name for name in predictors if predictors[name] is type(self))
        arrays = {_UNITS + part: value for part, value in units._asdict().items()}
        return {"name": name, "options": self.options}, arrays | {_SEEN: self._seen} | self._state

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`."""
        predictor = cls(**config["options"])
        predictor._units = Units(**{name: arrays[_UNITS + name] for name in Units._fields})
        predictor._seen = arrays[_SEEN]
        shared = {_SEEN, *(_UNITS + name for name in Units._fields)}
        predictor._state = {name: value for name, value in arrays.items() if name not in shared}
        return predictor

    @property
    def chosen(self) -> dict[str, float]:
        """What cross-validation chose."""
        return {name: value.item() for name, value in self._state.items() if value.shape == (1,)}

    @property
    def target_spread(self) -> float:
        """Root mean squared distance of the training targets from their mean."""
        units = self._fitted_units()
        return units.target_scale.item() * len(units.target_center) ** 0.5

    @property
    def uses_covariance(self) -> bool:
        """Whether forecasts depend on the standard errors of the sources."""
        return self.chosen.get("noise_weight", 0.0) > 0

    @abstractmethod
    def _fit(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        """Learn from pairs in standard units and fill ``_state``."""

    @abstractmethod
    def _draw(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws in standard units, shape ``(m, n_draws, E)``."""

    @abstractmethod
    def _mean(self, inputs: Inputs) -> np.ndarray:
        """Means in standard units, shape ``(m, E)``."""

    def _inputs(
        self, source: ArrayLike, covariates: ArrayLike | None, source_covariance: ArrayLike | None
    ) -> tuple[Units, Inputs]:
        units = self._fitted_units()
        z = _matrix(source, "source")
        side = _covariates(covariates, len(z))
        expected = (len(units.source_center), len(units.covariate_center))
        if (z.shape[1], side.shape[1]) != expected:
            msg = (
                f"`source` and `covariates` must have {expected[0]} and {expected[1]} columns as in the fit, "
                f"got {z.shape[1]} and {side.shape[1]}."
            )
            raise ValueError(msg)
        return units, units.inputs(z, side, source_covariance)

    def _fitted_units(self) -> Units:
        if self._units is None:
            msg = "A predictor must be fitted before it is used. Call `fit` first."
            raise RuntimeError(msg)
        return self._units


def _covariates(covariates: ArrayLike | None, n: int) -> np.ndarray:
    side = np.zeros((n, 0)) if covariates is None else _matrix(covariates, "covariates")
    if len(side) != n:
        msg = f"`covariates` must have a row for each of {n} sources, got {len(side)}."
        raise ValueError(msg)
    return side


def _matrix(values: ArrayLike, name: str) -> np.ndarray:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        msg = f"`{name}` must be a finite matrix with one row per set, got shape {matrix.shape}."
        raise ValueError(msg)
    return matrix


predictors: Registry[Predictor] = Registry("predictor")
