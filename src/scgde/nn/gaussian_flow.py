"""The part of a flow that is known in closed form: between Gaussians with the moments of the sets."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from scgde.nn.layers import mlp

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Of cells ``(S, M, G)`` at times ``(S, M, 1)``.
    Velocity = Callable[[Tensor, Tensor], Tensor]

P = ParamSpec("P")
R = TypeVar("R")

#: Features up to which covariances are told; beyond, only variances are.
MAX_FULL = 64
#: Added to every variance: a single cell, or a feature that does not vary, has a width too.
FLOOR = 1e-3
#: Logarithms of variances stay below, whatever the embedding, and flows believe those up to the second.
LIMIT, BELIEVED = 16.0, 8.0


def _exact(function: Callable[P, R]) -> Callable[P, R]:
    """Without autocast: functions of matrices have no half precision, and products that feed them need the digits."""

    @functools.wraps(function)
    def without(*args: P.args, **kwargs: P.kwargs) -> R:
        with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
            return function(*args, **kwargs)

    return without


class Gaussian(NamedTuple):
    """One Gaussian per set.

    Parameters
    ----------
    mean
        Shape ``(S, 1, G)``.
    variance
        Along each axis, shape ``(S, 1, G)``.
    axes
        Orthonormal columns, shape ``(S, G, G)``; absent where the features are the axes.
    """

    mean: Tensor
    variance: Tensor
    axes: Tensor | None

    def power(self, exponent: float) -> Tensor:
        """The covariance to a power, shape ``(S, G, G)``; only its diagonal, ``(S, 1, G)``, where there are no axes."""
        values = self.variance**exponent
        return values if self.axes is None else (self.axes * values) @ self.axes.mT


class Moving(NamedTuple):
    """Cells on their way, shape ``(S, M, G)`` each.

    Parameters
    ----------
    velocity
        Expected velocity of a cell, were all sets Gaussian.
    place
        The cell in units of the spread of its set, which is small where the set is narrow.
    """

    velocity: Tensor
    place: Tensor


class FromNoise:
    """Flow from standard noise along straight lines between independent pairs.

    Parameters
    ----------
    end
        Where it leads.
    """

    def __init__(self, end: Gaussian) -> None:
        self.end = end

    @_exact
    def __call__(self, x: Tensor, time: Tensor) -> Moving:
        """Cells ``(S, M, G)`` at times ``(S, M, 1)``."""
        mean, variance, axes = self.end
        along = _onto(x - time * mean, axes)
        spread = (1 - time).square() + time.square() * variance
        pull = along * (time * variance - (1 - time)) / spread
        return Moving(mean + _back(pull, axes), _back(along / spread.sqrt(), axes))


class Between:
    """Flow along the optimal map from one Gaussian to another.

    Parameters
    ----------
    start, end
        Where it comes from and leads to.

    References
    ----------
    Bhatia, Jain and Lim (2019), On the Bures-Wasserstein distance between positive definite matrices.
    """

    @_exact
    def __init__(self, start: Gaussian, end: Gaussian) -> None:
        self.start, self.end = start.mean, end.mean
        self.narrow = start.power(-0.5)
        if start.axes is None:
            self.stretch, self.axes = (end.variance / start.variance).sqrt(), None
            return
        wide = end.power(0.5)
        left, _, right = torch.linalg.svd(wide @ start.power(0.5))
        stretched = self.narrow @ (left @ right).mT @ wide
        stretch, self.axes = torch.linalg.eigh(0.5 * (stretched + stretched.mT))
        self.stretch = stretch.clamp_min(math.exp(-BELIEVED))[:, None]  # rounding may leave less, or a sign

    @_exact
    def __call__(self, x: Tensor, time: Tensor) -> Moving:
        """Cells ``(S, M, G)`` at times ``(S, M, 1)``."""
        along = _onto(x - torch.lerp(self.start, self.end, time), self.axes) / torch.lerp(
            torch.ones_like(self.stretch), self.stretch, time
        )
        velocity = self.end - self.start + _back(along * (self.stretch - 1), self.axes)
        first = _back(along, self.axes)
        return Moving(velocity, first * self.narrow if self.axes is None else first @ self.narrow)


def velocity_of(network: nn.Module, context: Tensor, known: FromNoise | Between | None) -> Velocity:
    """Velocity by a backbone, and by what is known: then it learns the rest, and sees a cell and its place."""
    if known is None:
        return lambda x, time: network(x, time, context)

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        moving = known(x, time)
        return moving.velocity + network(torch.cat([x, moving.place], dim=-1), time, context)

    return velocity


class GaussianHead(nn.Module):
    """Mean and covariance of the cells of a set, read off its embedding.

    A network that regresses velocities hears the width of a set late or never where sets are narrow beside the
    distances between them. Here widths have a loss of their own. Up to 64 features have a covariance; beyond, each has
    a variance.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_embed
        Dimensions of the embedding.
    n_hidden
        Width of the network that reads the embedding.
    """

    upper: Tensor

    def __init__(self, n_features: int, n_embed: int, *, n_hidden: int = 128) -> None:
        super().__init__()
        self.n_features, self.is_full = n_features, n_features <= MAX_FULL
        n_scales = n_features
        if self.is_full:  # the pairs of thousands of genes would fill the memory
            self.register_buffer("upper", torch.triu_indices(n_features, n_features), persistent=False)
            n_scales = self.upper.shape[1]
        # With a straight way to the embedding, which the encoder hears of sooner.
        self.linear = nn.Linear(n_embed, n_features + n_scales)
        self.network = mlp(n_embed, n_features + n_scales, n_hidden=n_hidden, n_layers=1)
        for parameter in (*self.linear.parameters(), *self.network[-1].parameters()):
            nn.init.zeros_(parameter)  # every set starts as standard noise

    @_exact
    @torch.no_grad()
    def forward(self, embedding: Tensor) -> Gaussian:
        """Gaussian of each set ``(S, E)``, without a gradient: a flow is regressed on, and not with, it."""
        mean, log_covariance = self._told(embedding)
        values, axes = torch.linalg.eigh(log_covariance) if self.is_full else (log_covariance, None)
        return Gaussian(mean[:, None], values.clamp(-BELIEVED, BELIEVED).exp()[:, None], axes)

    @_exact
    def loss(self, x: Tensor, weights: Tensor, embedding: Tensor) -> Tensor:
        """Negative log-likelihood of a cell per feature, up to a constant, shape ``(S,)``.

        Parameters
        ----------
        x
            Cells, shape ``(S, M, G)``.
        weights
            Non-negative, each row sums to 1, shape ``(S, M)``.
        embedding
            One per set, shape ``(S, E)``.
        """
        mean, log_covariance = self._told(embedding)
        deviation = x - mean[:, None]
        weighted = deviation * weights[..., None]
        if self.is_full:
            covariance = weighted.mT @ deviation + FLOOR * torch.eye(self.n_features, device=x.device)
            mismatch = (torch.matrix_exp(-log_covariance) * covariance).sum((-2, -1))
            log_volume = log_covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
        else:
            variance = (weighted * deviation).sum(1) + FLOOR
            mismatch, log_volume = ((-log_covariance).exp() * variance).sum(-1), log_covariance.sum(-1)
        return 0.5 * (mismatch + log_volume) / self.n_features

    def _told(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Means ``(S, G)``, and logarithms of covariances ``(S, G, G)`` or of variances ``(S, G)``."""
        embedding = embedding.float()
        told = self.linear(embedding) + self.network(embedding)
        mean, scale = told[:, : self.n_features], told[:, self.n_features :]
        if not self.is_full:
            return mean, LIMIT * (scale / LIMIT).tanh()
        half = scale.new_zeros(len(scale), self.n_features, self.n_features)
        half[:, self.upper[0], self.upper[1]] = 0.5 * scale
        whole = half + half.mT
        # No eigenvalue exceeds the largest sum of a row.
        size = whole.abs().sum(-1).amax(-1)[:, None, None] / LIMIT + 1e-6
        return mean, whole * size.tanh() / size


def _onto(x: Tensor, axes: Tensor | None) -> Tensor:
    return x if axes is None else x @ axes


def _back(x: Tensor, axes: Tensor | None) -> Tensor:
    return x if axes is None else x @ axes.mT
