"""Standardised inputs of a predictor: source embedding, covariates, squared standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scgde.nn.stored_weights import StoredModelError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Inputs(NamedTuple):
    """Standardised sources.

    Parameters
    ----------
    source
        Embeddings, of mean variance 1 over the dimensions, shape ``(n, E)``.
    covariates
        Of variance 1 each, shape ``(n, c)``.
    noise
        Squared standard error of the embedding, mean over the dimensions, shape ``(n,)``; 0 where not known.
    """

    source: np.ndarray
    covariates: np.ndarray
    noise: np.ndarray

    @property
    def joined(self) -> np.ndarray:
        """Embeddings and covariates, float32 of shape ``(n, E + c)``."""
        return np.concatenate([self.source, self.covariates], axis=1, dtype=np.float32)

    @property
    def features(self) -> np.ndarray:
        """The same, scaled so that the embedding as a whole counts as much as the covariates, float32."""
        parts = (self.source, self.covariates)
        return np.concatenate([part / max(part.shape[1], 1) ** 0.5 for part in parts], axis=1, dtype=np.float32)

    def take(self, rows: np.ndarray) -> Inputs:
        """Some of the sources."""
        return Inputs(*(part[rows] for part in self))


class PairScaling(NamedTuple):
    """Centres and scales of source embeddings, covariates and target embeddings."""

    source_center: np.ndarray
    source_scale: np.ndarray
    covariate_center: np.ndarray
    covariate_scale: np.ndarray
    target_center: np.ndarray
    target_scale: np.ndarray

    @classmethod
    def of(cls, source: np.ndarray, covariates: np.ndarray, target: np.ndarray) -> PairScaling:
        """Scaling by training pairs."""
        scale = covariates.std(axis=0)
        # A covariate that never varied says nothing.
        scale[scale < 1e-12] = 1.0
        return cls(*_common(source), covariates.mean(axis=0), scale, *_common(target))

    @property
    def sizes(self) -> tuple[int, int]:
        """Dimensions of an embedding, and number of covariates."""
        return len(self.source_center), len(self.covariate_center)

    def check(self, seen: np.ndarray) -> None:
        """Require shapes that belong together, and positive scales; ``seen`` are features of training pairs.

        Raises
        ------
        StoredModelError
            If they do not, or are not.
        """
        n_embed, n_covariates = self.sizes
        shapes = ((n_embed,), (1,), (n_covariates,), (n_covariates,), (n_embed,), (1,))
        same = tuple(part.shape for part in self) == shapes and seen.shape[1:] == (n_embed + n_covariates,)
        if not same or not all((part > 0).all() for part in self[1::2]):
            msg = "A stored predictor must have scales of one shape with its centres, all positive, got others."
            raise StoredModelError(msg)

    def inputs(self, source: np.ndarray, covariates: np.ndarray, covariance: ArrayLike | None) -> Inputs:
        """Standardised sources; where a set has no covariance, its noise is the mean of the others."""
        noise = _mean_noise(len(source), covariance) / self.source_scale**2
        return Inputs(
            (source - self.source_center) / self.source_scale,
            (covariates - self.covariate_center) / self.covariate_scale,
            noise,
        )

    def target_noise(self, n: int, covariance: ArrayLike | None) -> np.ndarray:
        """Squared standard error of ``n`` standardised targets, mean over the dimensions, shape ``(n,)``."""
        return _mean_noise(n, covariance) / self.target_scale**2

    def targets(self, target: np.ndarray) -> np.ndarray:
        """Standardised targets."""
        return (target - self.target_center) / self.target_scale

    def restore(self, target: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`targets`, float32."""
        return (target * self.target_scale + self.target_center).astype(np.float32)


def _mean_noise(n: int, covariance: ArrayLike | None) -> np.ndarray:
    """Mean variance over the dimensions of each of ``n`` embeddings; that of the others where there is none.

    From covariances ``(n, E, E)``, or from variances ``(n, E)``.
    """
    if covariance is None:
        return np.zeros(n)
    values = np.asarray(covariance, dtype=float)
    variance = (np.diagonal(values, axis1=1, axis2=2) if values.ndim == 3 else values).mean(axis=1)
    known = np.isfinite(variance)
    return np.where(known, variance, variance[known].mean() if known.any() else 0.0)


def _common(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre, and one scale for all dimensions: their distances keep their proportions."""
    scale = np.sqrt(values.var(axis=0).mean())
    return values.mean(axis=0), np.array([scale if scale > 1e-12 else 1.0])
