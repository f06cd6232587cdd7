from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from scgde._checks import check_count
from scgde._registry import Registry
from scgde.predictors._inputs import Inputs, PairScaling
from scgde.stats import in_support
from scgde.train import own_surroundings

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from scgde._types import Config

#: Names of arrays that every predictor stores: the features of its training pairs, and its scaling.
_SEEN, _SCALING = "seen", "scaling."


class Predictor(ABC):
    """Conditional distribution of the embedding of a target, given the embedding of its source and covariates.

    A predictor of one's own has three methods, :meth:`fit_pairs`, :meth:`draw_targets` and :meth:`mean_targets`, in
    which embeddings and covariates are standardised already. All that it learns is in ``arrays`` and
    ``chosen``, by which it is stored.

    Parameters
    ----------
    **options
        Plain values, by which it is made again.

    Attributes
    ----------
    arrays
        What was learnt, by name.
    chosen
        What cross-validation chose, by name.
    scaling
        Units of embeddings and covariates; None before the fit.
    target_noise
        Squared standard error of each training target, as ``Inputs.noise`` has those of the sources, shape ``(n,)``;
        there while :meth:`fit_pairs` runs.
    """

    #: Whether the fit takes the standard errors of the targets, too.
    uses_target_covariance: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.scaling: PairScaling | None = None
        self.arrays: dict[str, np.ndarray] = {}
        self.chosen: dict[str, float] = {}
        self.target_noise = np.zeros(0)
        self._seen = np.zeros((0, 0), dtype=np.float32)

    @own_surroundings()
    def fit(
        self,
        source: ArrayLike,
        target: ArrayLike,
        *,
        covariates: ArrayLike | None = None,
        source_covariance: ArrayLike | None = None,
        target_covariance: ArrayLike | None = None,
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
        source_covariance, target_covariance
            Of each embedding, by the central limit theorem, shape ``(n, E, E)``; NaN where there is none.
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
        extra = _covariates(covariates, len(z))
        labels = np.arange(len(z)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        rng = np.random.default_rng(check_count(seed, "seed", minimum=0))
        self.scaling = PairScaling.of(z, extra, end)
        inputs = self.scaling.inputs(z, extra, source_covariance)
        self.target_noise = self.scaling.target_noise(len(end), target_covariance)
        self.fit_pairs(inputs, self.scaling.targets(end), labels, rng)
        self._seen = np.unique(inputs.features, axis=0)
        return self

    @own_surroundings()
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
        scaling, inputs = self._inputs(source, covariates, source_covariance)
        return scaling.restore(self.draw_targets(inputs, n_draws, rng))

    @own_surroundings()
    def mean(
        self, source: ArrayLike, *, covariates: ArrayLike | None = None, source_covariance: ArrayLike | None = None
    ) -> np.ndarray:
        """Mean of the target embedding, float32 of shape ``(m, E)``; arguments as in :meth:`draw`."""
        scaling, inputs = self._inputs(source, covariates, source_covariance)
        return scaling.restore(self.mean_targets(inputs))

    def displacement(
        self, source: ArrayLike, *, covariates: ArrayLike | None = None, source_covariance: ArrayLike | None = None
    ) -> np.ndarray:
        """Mean of the target embedding minus that of the source, shape ``(m, E)``; arguments as in :meth:`draw`."""
        forecast = self.mean(source, covariates=covariates, source_covariance=source_covariance)
        return forecast - np.asarray(source, dtype=float)

    def blank(self) -> Self:
        """A predictor with the same options, not fitted."""
        return type(self)(**self.options)

    def in_support(self, source: ArrayLike, *, covariates: ArrayLike | None = None) -> np.ndarray:
        """Whether each source and its covariates are among those that were seen, bool of shape ``(m,)``.

        They are, when as near to those of a training pair as 95 % of the training pairs are to another one.
        """
        return in_support(self._inputs(source, covariates, None)[1].features, self._seen)

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """The fitted predictor as plain values and arrays."""
        name = next(name for name in PREDICTORS if PREDICTORS[name] is type(self))
        scaling = {_SCALING + part: value for part, value in self.fitted_scaling()._asdict().items()}
        config = {"name": name, "options": self.options, "chosen": self.chosen}
        return config, scaling | {_SEEN: self._seen} | self.arrays

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`.

        Raises
        ------
        StoredModelError
            If what was learnt does not belong together.
        """
        predictor = cls(**config["options"])
        predictor.scaling = PairScaling(**{name: arrays[_SCALING + name] for name in PairScaling._fields})
        predictor._seen = arrays[_SEEN]
        predictor.chosen = dict(config["chosen"])
        shared = {_SEEN, *(_SCALING + name for name in PairScaling._fields)}
        predictor.arrays = {name: value for name, value in arrays.items() if name not in shared}
        predictor.scaling.check(predictor._seen)
        predictor.check_arrays(*predictor.scaling.sizes)
        return predictor

    def check_arrays(self, n_embed: int, n_covariates: int) -> None:  # noqa: B027
        """Require that stored ``arrays``, which may come from others, belong together; by default nothing."""

    @property
    def target_spread(self) -> float:
        """Root mean squared distance of the training targets from their mean."""
        scaling = self.fitted_scaling()
        return scaling.target_scale.item() * len(scaling.target_center) ** 0.5

    @property
    def uses_covariance(self) -> bool:
        """Whether forecasts depend on the standard errors of the sources; they do not, unless a subclass says so."""
        return False

    @abstractmethod
    def fit_pairs(self, inputs: Inputs, target: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> None:
        """Learn from pairs, and fill ``arrays`` and ``chosen``.

        Parameters
        ----------
        inputs
            Standardised sources, n of them.
        target
            Standardised target embeddings, shape ``(n, E)``.
        groups
            Codes of groups that are held out together, shape ``(n,)``.
        rng
            Random state.
        """

    @abstractmethod
    def draw_targets(self, inputs: Inputs, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draws of standardised targets of m sources, shape ``(m, n_draws, E)``."""

    @abstractmethod
    def mean_targets(self, inputs: Inputs) -> np.ndarray:
        """Means of standardised targets of m sources, shape ``(m, E)``."""

    def _inputs(
        self, source: ArrayLike, covariates: ArrayLike | None, source_covariance: ArrayLike | None
    ) -> tuple[PairScaling, Inputs]:
        scaling = self.fitted_scaling()
        z = _matrix(source, "source")
        extra = _covariates(covariates, len(z))
        expected = (len(scaling.source_center), len(scaling.covariate_center))
        if (z.shape[1], extra.shape[1]) != expected:
            msg = (
                f"`source` and `covariates` must have {expected[0]} and {expected[1]} columns as in the fit, "
                f"got {z.shape[1]} and {extra.shape[1]}."
            )
            raise ValueError(msg)
        return scaling, scaling.inputs(z, extra, source_covariance)

    def fitted_scaling(self) -> PairScaling:
        """Units of embeddings and covariates.

        Raises
        ------
        RuntimeError
            If the predictor was not fitted.
        """
        if self.scaling is None:
            msg = "A predictor must be fitted before it is used. Call `fit` first."
            raise RuntimeError(msg)
        return self.scaling


def _covariates(covariates: ArrayLike | None, n: int) -> np.ndarray:
    values = np.zeros((n, 0)) if covariates is None else _matrix(covariates, "covariates")
    if len(values) != n:
        msg = f"`covariates` must have a row for each of {n} sources, got {len(values)}."
        raise ValueError(msg)
    return values


def _matrix(values: ArrayLike, name: str) -> np.ndarray:
    matrix = np.asarray(values, dtype=float)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        msg = f"`{name}` must be a finite matrix with one row per set, got shape {matrix.shape}."
        raise ValueError(msg)
    return matrix


PREDICTORS: Registry[Predictor] = Registry("predictor")
