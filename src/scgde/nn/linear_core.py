"""The part of an embedding that is known before any training: a linear map of the moments of a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scgde.nn.constants import identity
from scgde.nn.influence import influence_of_mean
from scgde.nn.layers import weighted_mean
from scgde.nn.moments import Moments, signed
from scgde.nn.precision import full_precision
from scgde.nn.reliability import Reliability, halves, n_effective
from scgde.nn.virtual_sets import share_of_virtual

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.nn.moments import Frame

#: Dimensions of an embedding by default, at least.
N_LATENT = 32
#: Dimensions that a network adds to all moments.
_N_LEARNT = 16
#: Variance of the prior, relative to that of the means of sets.
_PRIOR = 0.1
#: Noise between sets that no training has to be kept from, relative to what they differ by otherwise.
_SMALL_NOISE = 0.1
#: By how much a coordinate is shrunk at most, in standard deviations of its noise.
_MAX_SHRINKAGE = 4.0


def default_n_latent(n_features: int) -> int:
    """Dimensions of an embedding that has room for all moments, and for what a network adds."""
    return max(N_LATENT, Moments(n_features).n_output + _N_LEARNT)


def n_core(n_features: int, n_latent: int) -> int:
    """Dimensions of ``n_latent`` that moments take: all moments, but never more than three in four dimensions."""
    learnt = max(1, min(_N_LEARNT, n_latent // 4))
    return min(Moments(n_features).n_output, n_latent - learnt)


class LinearCore(nn.Module):
    """Moments of a set along the directions in which the training sets differ, in one common unit.

    In closed form from the training sets, and never trained: a set lies where its moments lie, also one that is unlike
    all training sets. With a dimension for each moment it is a rotation of the moments, so that L2 is kept; with fewer,
    it keeps those of the largest variance between sets. A prior ranks directions in which no training set differs.

    The frame of a set is shrunk: each coordinate counts by its reliability, the share of its variance between sets that
    is no sampling noise. Of large sets this is nearly all; of few cells the frame is nearly that of all cells.
    What is taken off is at most four standard deviations of the noise, so that outliers stay where they are.

    Parameters
    ----------
    n_features
        Of a cell.
    n_output
        Dimensions, at most as many as there are moments.
    """

    center: Tensor
    directions: Tensor
    scale: Tensor
    reliability: Tensor
    importance: Tensor
    limit: Tensor
    base: Tensor

    def __init__(self, n_features: int, n_output: int) -> None:
        super().__init__()
        self.n_output = n_output
        self.moments = Moments(n_features)
        n_moments = self.moments.n_output
        self.register_buffer("center", torch.zeros(n_moments))
        self.register_buffer("directions", identity(n_output, n_moments))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("reliability", torch.ones(n_output))
        self.register_buffer("importance", torch.ones(n_output))
        self.register_buffer("limit", torch.zeros(n_output))
        self.register_buffer("base", torch.zeros(n_moments))

    def fit(self, blocks: Iterable[Tensor], sets: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """Take all that is fixed from the training sets.

        Parameters
        ----------
        blocks
            Their cells, in blocks ``(n, G)``.
        sets
            The same as sets, cells ``(S, M, G)`` and weights ``(S, M)``.

        Returns
        -------
        Coordinates of these sets, shape ``(S, K)``.
        """
        self.moments.fit(blocks)
        measured = [self._measured(x, weights) for x, weights in sets]
        lifted, *of_parts, n_cells = (torch.cat(part) for part in zip(*measured, strict=True))
        center = of_parts[0].mean(0)
        deviation = of_parts[0] - center
        spread = deviation[:, : self.moments.n_axes].square().mean().clamp_min(1e-4)
        prior = _PRIOR * spread * self.moments.prior.cpu().double().square()
        values, vectors = torch.linalg.eigh(deviation.T @ deviation / len(deviation) + prior.diag())
        directions = signed(vectors.flip(1).T[: self.n_output])
        whole, first, second = ((part - center) @ directions.T for part in of_parts)
        share, noise = Reliability.of(whole, first, second, n_cells)
        scale = values.flip(0)[: self.n_output].mean().sqrt()
        shrink = directions.T * share @ directions
        unexplained = self._unexplained(lifted.mean(0), deviation, deviation @ shrink)
        self.center.copy_(center)
        self.directions.copy_(directions)
        self.scale.copy_(scale)
        self.reliability.copy_(share)
        dominance = self.dominance_of_noise(*self.noise_between(whole))
        self.importance.copy_(1 - share_of_virtual(len(whole)) * dominance * (1 - share.square()))
        self.limit.copy_(_MAX_SHRINKAGE * noise / scale)
        self.base.copy_(center + (1 - shrink.diag()) * (unexplained - center))
        return (whole / scale).to(self.directions)

    def _measured(self, x: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        """Average of what is lifted, moments, those of both halves, and numbers of cells of sets, float64."""
        lifted = self.lift(x)
        means = [weighted_mean(lifted, part) for part in (weights, *halves(weights))]
        measured = means[0], *(self.moments.readout(mean) for mean in means), n_effective(weights)
        return tuple(part.cpu().double() for part in measured)

    def noise_between(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Variance between sets with coordinates ``(S, K)`` that is sampling noise, and all of it."""
        variance = coordinates.var(dim=0, correction=0)
        return ((1 - self.reliability.to(variance)) * variance).sum(), variance.sum()

    @staticmethod
    def dominance_of_noise(noise: Tensor, variance: Tensor) -> Tensor:
        """From 0, where noise is at most a tenth of the other variance between sets, to 1, where it is as large."""
        ratio = noise / (variance - noise).clamp_min(torch.finfo(variance.dtype).tiny)
        return ((ratio - _SMALL_NOISE) / (1 - _SMALL_NOISE)).clamp(0, 1)

    def _unexplained(self, lifted: Tensor, deviation: Tensor, shrunk: Tensor) -> Tensor:
        """Moments ``(K,)`` of all cells around the shrunk means of their sets.

        Parameters
        ----------
        lifted
            Average of what is lifted over all sets, shape ``(H,)``.
        deviation, shrunk
            Moments of each set relative to their average, as they are and shrunk, shape ``(S, K)``.
        """
        n, (i, j), q = self.moments.n_axes, self.moments.upper.cpu(), self.moments.n_root
        of_both = deviation[:, :n].T @ shrunk[:, :n]
        explained = (of_both + of_both.T - shrunk[:, :n].T @ shrunk[:, :n]) / len(deviation)
        products = torch.cat([explained.new_zeros(n), explained[i, j], explained.diag()[q:]])
        return self.moments.readout((lifted - products)[None].to(self.moments.axes))[0].cpu().double()

    def lift(self, x: Tensor) -> Tensor:
        """What has to be averaged over the cells ``(S, M, G)`` of a set, shape ``(S, M, H)``."""
        return self.moments.lift(x)

    @full_precision
    def readout(self, mean: Tensor) -> Tensor:
        """Coordinates ``(S, K)`` from the average of ``Moments.lift`` over a set, ``(S, H)``."""
        return (self.moments.readout(mean) - self.center) @ self.directions.T / self.scale

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Coordinates of cells ``(S, M, G)`` with weights ``(S, M)``, shape ``(S, K)``."""
        return self.readout(weighted_mean(self.lift(x), weights))

    def influence(self, x: Tensor, weights: Tensor) -> Tensor:
        """Influence of each cell ``(S, M, G)`` on the coordinates of its set, shape ``(S, M, K)``."""
        return influence_of_mean(self.readout, self.moments.lift(x), weights)

    def along_noise(self) -> Tensor:
        """How coordinates sum up to the mean log width of the axes behind the leading ones, ``(K, 1)`` or ``(K, 0)``.

        Cells of counts differ along these axes by the noise of counting mostly, the more the fewer counts a cell has:
        the sum tells the depth of a set, which is in none of its means. None where there are no widths.
        """
        n_widths = self.moments.n_axes - self.moments.n_root
        n_noise = n_widths - n_widths // 5
        last = torch.arange(self.moments.n_output, device=self.center.device) >= self.moments.n_output - n_noise
        return (self.directions @ last.to(self.directions.dtype))[:, None][:, : min(n_noise, 1)]

    def by_importance(self, embedding: Tensor) -> Tensor:
        """Embeddings ``(S, E)``, which begin with these coordinates, in which dimensions of noise count little.

        Where the training sets are few and differ by noise as much as by anything else, each coordinate counts by its
        squared reliability, and what is learnt by the mean of these: a network would know the sets by their noise.
        It counts the more, the more sets there are, and the less noise relative to the signal: in full below a tenth.
        """
        n_learnt = embedding.shape[1] - self.n_output
        return embedding * torch.cat([self.importance, self.importance.mean().expand(n_learnt)])

    @full_precision
    def frame(self, embedding: Tensor) -> Frame:
        """Place and shape that embeddings, which begin with these coordinates, stand for, shrunk."""
        coordinates = embedding[:, : self.n_output]
        kept = coordinates - ((1 - self.reliability) * coordinates).clamp(-self.limit, self.limit)
        return self.moments.frame(kept * self.scale @ self.directions + self.base)
