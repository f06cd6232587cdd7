"""The part of a flow that is known in closed form: between Gaussians with the moments of the sets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from scgde.nn.constants import upper_pairs
from scgde.nn.layers import mlp
from scgde.nn.precision import full_precision

if TYPE_CHECKING:
    from collections.abc import Callable

    #: Of cells ``(S, M, *shape)`` at times ``(S, M)``.
    Velocity = Callable[[Tensor, Tensor], Tensor]


#: Largest number of features with a covariance; beyond, each has a variance only.
MAX_FULL = 64
#: Added to every variance: a single cell, or a feature that does not vary, has a width too.
FLOOR = 1e-3
#: Bound of the logarithms of variances that are read off an embedding, whatever it is.
MAX_LOG_VARIANCE = 16.0
#: Bound of those that a flow follows: beyond it, rounding would dominate.
MAX_FLOW_LOG_VARIANCE = 8.0


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


class GaussianMotion(NamedTuple):
    """Cells on a Gaussian flow, shape ``(S, M, G)`` each.

    Parameters
    ----------
    velocity
        Expected velocity of a cell, were all sets Gaussian.
    whitened
        The cell relative to the mean of its set, in units of its spread: of covariance 1, however narrow the set.
    """

    velocity: Tensor
    whitened: Tensor


class FromNoise:
    """Flow from standard noise along straight lines between independent pairs.

    With ``x_t = (1 - t) eps + t x`` and ``x ~ N(m, C)``, the expected velocity at ``x_t`` is
    ``m + (t C - (1 - t)) S^-1 (x_t - t m)``, where ``S = (1 - t)^2 + t^2 C`` is the covariance of ``x_t``.

    Parameters
    ----------
    end
        Gaussian at time 1.

    References
    ----------
    :cite:t:`Lipman23`, eq. 9, with the conditional expectation of a Gaussian.
    """

    def __init__(self, end: Gaussian) -> None:
        self.end = end

    @full_precision
    def __call__(self, x: Tensor, time: Tensor) -> GaussianMotion:
        """Cells ``(S, M, G)`` at times ``(S, M)``."""
        (mean, variance, axes), time = self.end, time[..., None]
        centred = _to_axes(x - time * mean, axes)
        # In the axes of C all matrices are diagonal.
        spread = (1 - time).square() + time.square() * variance
        velocity = centred * (time * variance - (1 - time)) / spread
        return GaussianMotion(mean + _from_axes(velocity, axes), _from_axes(centred / spread.sqrt(), axes))


class Between:
    """Flow along the optimal map from one Gaussian ``N(m, A)`` to another, ``N(n, B)``.

    The map is ``n + T (x - m)`` with ``T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2``, and a cell moves along a straight line:
    at time t it has been stretched by ``(1 - t) + t T``.

    Parameters
    ----------
    start, end
        Gaussians at times 0 and 1.

    References
    ----------
    Bhatia, Jain and Lim (2019), On the Bures-Wasserstein distance between positive definite matrices.
    """

    @full_precision
    def __init__(self, start: Gaussian, end: Gaussian) -> None:
        self.start, self.end = start.mean, end.mean
        self.inverse_root = start.power(-0.5)
        if start.axes is None:
            self.stretch, self.axes = (end.variance / start.variance).sqrt(), None
            return
        root = end.power(0.5)
        # With B^1/2 A^1/2 = U D V' (SVD), T = A^-1/2 (U V')' B^1/2: no root of a product, which rounding could spoil.
        left, _, right = torch.linalg.svd(root @ start.power(0.5))
        stretched = self.inverse_root @ (left @ right).mT @ root
        stretch, self.axes = torch.linalg.eigh(0.5 * (stretched + stretched.mT))
        # Rounding may leave less, or a sign.
        self.stretch = stretch.clamp_min(math.exp(-MAX_FLOW_LOG_VARIANCE))[:, None]

    @full_precision
    def __call__(self, x: Tensor, time: Tensor) -> GaussianMotion:
        """Cells ``(S, M, G)`` at times ``(S, M)``."""
        time = time[..., None]
        centred = _to_axes(x - torch.lerp(self.start, self.end, time), self.axes)
        # Where the cell was at time 0, relative to the mean: the stretch up to now is undone.
        centred = centred / torch.lerp(torch.ones_like(self.stretch), self.stretch, time)
        velocity = self.end - self.start + _from_axes(centred * (self.stretch - 1), self.axes)
        origin = _from_axes(centred, self.axes)
        whitened = origin * self.inverse_root if self.axes is None else origin @ self.inverse_root
        return GaussianMotion(velocity, whitened)


def velocity_of(network: nn.Module, context: Tensor, known: FromNoise | Between | None) -> Velocity:
    """Velocity by a backbone, plus that of a Gaussian flow: then the network learns the rest, from whitened cells too.

    Parameters
    ----------
    network
        Backbone, with as many extra inputs as features where there is a Gaussian flow.
    context
        Shape ``(S, C)``.
    known
        The Gaussian flow; None for none.
    """
    if known is None:
        return lambda x, time: network(x, time, context)

    def velocity(x: Tensor, time: Tensor) -> Tensor:
        motion = known(x, time)
        return motion.velocity + network(torch.cat([x, motion.whitened], dim=-1), time, context)

    return velocity


class GaussianHead(nn.Module):
    """Mean and covariance of the cells of a set, read off its context.

    Velocity regression is slow to learn the covariance of narrow sets: it contributes little to the loss. Here the
    covariance has a loss of its own, the likelihood. Up to 64 features have a covariance; beyond, each has a variance.

    Parameters
    ----------
    n_features
        Features of a cell.
    n_context
        Dimensions of the context.
    n_hidden
        Width of the network that reads the context.
    """

    upper: Tensor

    def __init__(self, n_features: int, n_context: int, *, n_hidden: int = 128) -> None:
        super().__init__()
        self.n_features, self.is_full = n_features, n_features <= MAX_FULL
        n_scales = n_features
        if self.is_full:  # the pairs of thousands of genes would fill the memory
            self.register_buffer("upper", upper_pairs(n_features), persistent=False)
            n_scales = self.upper.shape[1]
        # Linear skip connection: gives the encoder a gradient from the first step.
        self.linear = nn.Linear(n_context, n_features + n_scales)
        self.network = mlp(n_context, n_features + n_scales, n_hidden=n_hidden, n_layers=1)
        for parameter in (*self.linear.parameters(), *self.network[-1].parameters()):
            nn.init.zeros_(parameter)  # every set starts as standard noise

    @full_precision
    @torch.no_grad()
    def forward(self, context: Tensor) -> Gaussian:
        """Gaussian of each set, from contexts ``(S, C)``, without a gradient: it is learnt by :meth:`loss` alone."""
        mean, log_covariance = self._mean_and_log_covariance(context)
        values, axes = torch.linalg.eigh(log_covariance) if self.is_full else (log_covariance, None)
        return Gaussian(mean[:, None], values.clamp(-MAX_FLOW_LOG_VARIANCE, MAX_FLOW_LOG_VARIANCE).exp()[:, None], axes)

    @full_precision
    def loss(self, x: Tensor, weights: Tensor, context: Tensor) -> Tensor:
        """Negative log-likelihood of a cell per feature, up to a constant, shape ``(S,)``.

        With covariance ``C`` and that of the cells around its mean ``D``: ``(tr(C^-1 D) + log |C|) / 2``. The matrix
        logarithm of ``C`` is what is read off the context, so that both terms are smooth in it and need no inverse.

        Parameters
        ----------
        x
            Cells, shape ``(S, M, G)``.
        weights
            Non-negative, each row sums to 1, shape ``(S, M)``.
        context
            One per set, shape ``(S, C)``.
        """
        mean, log_covariance = self._mean_and_log_covariance(context)
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

    def _mean_and_log_covariance(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Means ``(S, G)``, and logarithms of covariances ``(S, G, G)`` or of variances ``(S, G)``."""
        context = context.float()
        parameters = self.linear(context) + self.network(context)
        mean, scale = parameters[:, : self.n_features], parameters[:, self.n_features :]
        if not self.is_full:
            return mean, MAX_LOG_VARIANCE * (scale / MAX_LOG_VARIANCE).tanh()
        half = scale.new_zeros(len(scale), self.n_features, self.n_features)
        half[:, self.upper[0], self.upper[1]] = 0.5 * scale
        whole = half + half.mT
        # No eigenvalue exceeds the largest sum of a row.
        size = whole.abs().sum(-1).amax(-1)[:, None, None] / MAX_LOG_VARIANCE + 1e-6
        return mean, whole * size.tanh() / size


def _to_axes(x: Tensor, axes: Tensor | None) -> Tensor:
    return x if axes is None else x @ axes


def _from_axes(x: Tensor, axes: Tensor | None) -> Tensor:
    return x if axes is None else x @ axes.mT
