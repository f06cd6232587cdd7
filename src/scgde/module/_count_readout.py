from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from scgde._checks import check_count, check_non_negative
from scgde.module._count_distribution import CountDecoder, LibrarySizes, hidden_layer
from scgde.nn.cells import CellSpec
from scgde.nn.layers import mlp
from scgde.nn.transforms import Affine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scgde.module._count_distribution import CountDistribution

#: Of standard deviations.
_MIN_SD = 1e-2
#: Weight of the likelihood: losses per gene are small.
_LIKELIHOOD_WEIGHT = 10.0


class KnownOfSets(NamedTuple):
    """What a decoder is given of sets, besides the coordinates of their cells.

    Parameters
    ----------
    conditions
        Numbers such as a batch, shape ``(S, n_conditions)``; None for none.
    log_fold
        Log fold changes of the rates of genes between all training cells and those of each set, shape ``(S, G)``: where
        the decoder starts from. None for none.
    """

    conditions: Tensor | None = None
    log_fold: Tensor | None = None


class CountReadout(nn.Module):
    """From coordinates of cells, such as principal components, to their counts.

    A cell autoencoder: latents inferred from counts, and negative binomial counts around shares of genes that are
    decoded from the latents. Coordinates come in by a bridge, a Gaussian over latents and library size given the
    coordinates. It is fitted to latents as they are inferred, detached, so that it follows the autoencoder and not the
    reverse. Coordinates that are made of counts hold the noise of counting; latents do not, and so this noise is added
    once only.

    Parameters
    ----------
    n_coordinates
        Of a cell.
    n_genes
        Genes.
    n_conditions
        Numbers that the decoder is conditioned on besides, such as a batch.
    n_cell_latent
        Latents of a cell.
    n_hidden
        Width of the hidden layers.
    likelihood
        ``"nb"``, or ``"zinb"`` for zero inflation, which counts of unique molecules do not need.
    beta
        Weight of the divergence of the latents from a standard normal.

    References
    ----------
    :cite:t:`Lopez18`, for the autoencoder.
    """

    def __init__(
        self,
        n_coordinates: int,
        n_genes: int,
        n_conditions: int = 0,
        *,
        n_cell_latent: int = 20,
        n_hidden: int = 128,
        likelihood: str = "nb",
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.n_coordinates = n_coordinates
        n_latent = check_count(n_cell_latent, "n_cell_latent")
        self.beta = check_non_negative(beta, "beta")
        self.scaling = Affine(CellSpec.vectors(n_coordinates), method="common")
        self.library = LibrarySizes()
        self.encoder = nn.Sequential(hidden_layer(n_genes, n_hidden), nn.Linear(n_hidden, 2 * n_latent))
        self.decoder = CountDecoder(n_latent + n_conditions, n_genes, n_hidden=n_hidden, likelihood=likelihood)
        self.bridge = mlp(n_coordinates + n_conditions, 2 * (n_latent + 1), n_hidden=n_hidden, n_layers=2)

    def init_from(self, coordinates: Iterable[Tensor], library: Tensor, share: Tensor) -> None:
        """Start from training cells.

        Parameters
        ----------
        coordinates
            In blocks ``(n, n_coordinates)``.
        library
            Library size of each cell, shape ``(n,)``.
        share
            Of each gene in all counts, shape ``(G,)``.
        """
        self.scaling.fit(coordinates)
        self.library.fit(library)
        self.decoder.init_from(share)

    def loss(self, coordinates: Tensor, counts: Tensor, known: KnownOfSets) -> Tensor:
        """Training loss of each cell.

        Parameters
        ----------
        coordinates
            Shape ``(S, M, n_coordinates)``.
        counts
            Shape ``(S, M, G)``.
        known
            Of the sets.

        Returns
        -------
        Shape ``(S, M)``.
        """
        library = counts.sum(-1)
        mean, sd = self.encode(counts)
        latent = mean + sd * torch.randn_like(sd)
        likelihood = self._decoded(latent, library, known).log_prob(counts)
        divergence = (0.5 * (mean.square() + sd.square() - 1) - sd.log()).sum(-1)
        joint = torch.cat([latent, self.library.standardised(library)[..., None]], dim=-1).detach()
        bridged, width = self._bridged(coordinates, known.conditions)
        misfit = (width.log() + 0.5 * ((joint - bridged) / width).square()).mean(-1)
        return _LIKELIHOOD_WEIGHT * (self.beta * divergence - likelihood) / counts.shape[-1] + misfit

    @torch.no_grad()
    def sample(
        self,
        coordinates: Tensor,
        known: KnownOfSets,
        *,
        library_size: Tensor | None = None,
        rng: torch.Generator | None = None,
    ) -> Tensor:
        """Draw the counts of cells.

        Parameters
        ----------
        coordinates
            Shape ``(S, M, n_coordinates)``.
        known
            Of the sets.
        library_size
            Expected library sizes, shape ``(S, M)``, in place of those that are drawn: the same cells at another depth.
        rng
            Random state; torch's global one if absent.

        Returns
        -------
        Counts, shape ``(S, M, G)``.
        """
        mean, sd = self._bridged(coordinates, known.conditions)
        joint = mean + sd * torch.randn(mean.shape, generator=rng).to(mean)
        library = self.library.restored(joint[..., -1]) if library_size is None else library_size
        return self._decoded(joint[..., :-1], library, known).sample(rng)

    @torch.no_grad()
    def reconstruct(self, counts: Tensor, known: KnownOfSets, *, rng: torch.Generator | None = None) -> Tensor:
        """Draw the counts of cells ``(S, M, G)`` anew, from what the autoencoder keeps of each: what it alone loses."""
        mean, sd = self.encode(counts)
        latent = mean + sd * torch.randn(sd.shape, generator=rng).to(sd)
        return self._decoded(latent, counts.sum(-1), known).sample(rng)

    def encode(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents of counts ``(S, M, G)``, shape ``(S, M, n_cell_latent)`` each."""
        mean, raw = self.encoder(counts.log1p()).chunk(2, dim=-1)
        return mean, nn.functional.softplus(raw) + _MIN_SD

    @property
    def median_library_size(self) -> float:
        """Median of the training cells."""
        return float(self.library.median)

    def _decoded(self, latent: Tensor, library: Tensor, known: KnownOfSets) -> CountDistribution:
        return self.decoder(_with(latent, known.conditions), library, known.log_fold)

    def _bridged(self, coordinates: Tensor, conditions: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of latents and standardised log library size, ``(S, M, n_cell_latent + 1)``."""
        mean, raw = self.bridge(_with(self.scaling.encoder_input(coordinates), conditions)).chunk(2, dim=-1)
        return mean, nn.functional.softplus(raw) + _MIN_SD


def _with(x: Tensor, conditions: Tensor | None) -> Tensor:
    """Vectors of cells ``(S, M, F)`` with the conditions of their sets behind them."""
    if conditions is None:
        return x
    return torch.cat([x, conditions[:, None].expand(*x.shape[:2], -1)], dim=-1)
