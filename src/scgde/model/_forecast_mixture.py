"""A forecast as a mixture of simple ones and that of the networks: its shares, and what the simple ones read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pandas as pd

from scgde.nn.stored_weights import StoredModelError
from scgde.predictors import Kernel
from scgde.predictors._mixture import systematic_draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scgde._types import Config

#: Target cells of a pair that are kept, and values of those of all pairs.
_MAX_CELLS, _MAX_VALUES = 32, 2**21
#: Smallest standard deviation that is divided by, relative to the mean over features.
_FLOOR = 1e-3
_LOOK_UP = "look_up."
#: Names of two forecasts.
LOOK_UP, TRANSPORT = "embedding look-up", "transport"
#: Plain values of a mixture.
_PLAIN = ("shares", "losses", "unbiased_losses", "n_left_out", "smoothing")


class KnownPairs(NamedTuple):
    """What simple forecasts read of training pairs.

    Attributes
    ----------
    covariates
        Shape ``(n, c)``.
    shift
        Differences of the means of target and source, shape ``(n, G)``.
    log_ratio
        Those of log standard deviations, shape ``(n, G)``.
    cells
        Some cells of every target, shape ``(N, G)``.
    pair
        The pair of each, not decreasing, shape ``(N,)``.
    spread
        Standard deviations within sources, shape ``(G,)``.
    """

    covariates: np.ndarray
    shift: np.ndarray
    log_ratio: np.ndarray
    cells: np.ndarray
    pair: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(
        cls,
        ends: Iterable[tuple[np.ndarray, np.ndarray]],
        covariates: np.ndarray,
        rng: np.random.Generator,
        *,
        max_cells: int = _MAX_CELLS,
    ) -> Self:
        """From the cells ``(n, G)`` of source and target of each pair; at most ``max_cells`` of a target are kept."""
        shift, sds, kept, n_cells = [], [], [], []
        for start, end in ends:
            n_cells.append(len(start))
            n_kept = int(np.clip(_MAX_VALUES // (len(covariates) * end.shape[1]), 2, max_cells))
            kept.append(rng.permutation(end)[:n_kept])
            shift.append(end.mean(axis=0) - start.mean(axis=0))
            sds.append((start.std(axis=0), end.std(axis=0)))
        of_start, of_end = (_log_sds(sd) for sd in zip(*sds, strict=True))
        pair = np.repeat(np.arange(len(kept)), [len(cells) for cells in kept])
        spread = _within(np.stack([start for start, _ in sds]), np.array(n_cells))
        return cls(covariates, np.stack(shift), of_end - of_start, np.concatenate(kept), pair, spread)

    def shifted(self, cells: np.ndarray, covariates: np.ndarray, *, rescale: bool) -> np.ndarray:
        """Cells ``(n, G)`` of a source, changed as those of pairs with the same covariates ``(c,)`` change on average.

        In the mean and, if asked for, in the log standard deviations.
        """
        alike, mean = self.alike(covariates), cells.mean(axis=0)
        factor = np.exp(self.log_ratio[alike].mean(axis=0)) if rescale else 1.0
        return mean + (cells - mean) * factor + self.shift[alike].mean(axis=0)

    def targets(self, weights: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
        """Cells of targets, drawn by weights of the pairs ``(n,)``, shape ``(n_cells, G)``.

        None comes twice while others of its target are left.
        """
        drawn = systematic_draws(weights[None], n_cells, rng)[0]
        picked = np.empty(n_cells, dtype=np.int64)
        for pair in np.unique(drawn):
            positions, (start, end) = np.flatnonzero(drawn == pair), np.searchsorted(self.pair, [pair, pair + 1])
            picked[positions] = start + np.resize(rng.permutation(end - start), len(positions))
        return self.cells[picked]

    def alike(self, covariates: np.ndarray) -> np.ndarray:
        """Which pairs have these covariates ``(c,)``, bool of shape ``(n,)``; all where none has."""
        same = (self.covariates == covariates).all(axis=1)
        return same if same.any() else np.ones_like(same)

    def check(self, n_pairs: int) -> None:
        """Require stored arrays, which may come from others, of ``n_pairs`` pairs.

        Raises
        ------
        StoredModelError
            If they do not belong together.
        """
        n_features = self.cells.shape[-1]
        shapes = [(n_pairs, n_features)] * 2 + [(n_pairs, self.covariates.shape[-1]), (len(self.cells),), (n_features,)]
        found = [part.shape for part in (self.shift, self.log_ratio, self.covariates, self.pair, self.spread)]
        if found != shapes or not np.array_equal(np.unique(self.pair), np.arange(n_pairs)):
            msg = (
                f"A stored model must have pairs of forecasts in arrays of shapes {shapes}, and cells of each pair, "
                f"got {found}, and cells of {len(np.unique(self.pair))} pairs. Save the model again."
            )
            raise StoredModelError(msg)


def _within(sds: np.ndarray, n_cells: np.ndarray) -> np.ndarray:
    """Pooled standard deviation within sets of standard deviations ``(n, G)`` and ``n_cells`` ``(n,)``."""
    return np.sqrt(n_cells @ np.square(sds) / max((n_cells - 1).sum(), 1))


def _log_sds(sds: Sequence[np.ndarray]) -> np.ndarray:
    """Logarithms of standard deviations ``(n, G)``, none far below their mean."""
    stacked = np.stack(sds)
    return np.log(np.maximum(stacked, _FLOOR * max(stacked.mean(), np.finfo(np.float32).tiny)))


@dataclass(frozen=True)
class ForecastMixture:
    """Which forecasts are mixed, and in which shares.

    Attributes
    ----------
    shares
        Of each forecast, of sum 1.
    losses, unbiased_losses
        Mean energy distance of each forecast alone, and of the ``"mixture"``, over pairs that were left out.
    n_left_out
        How many these were.
    pairs
        Training pairs.
    look_up
        Weights of their targets for a new source, by its embedding.
    smoothing
        Standard deviation of what a transport without a target adds to its source cells, in units of the spread.
    """

    shares: dict[str, float]
    losses: dict[str, float]
    unbiased_losses: dict[str, float]
    n_left_out: int
    pairs: KnownPairs
    look_up: Kernel
    smoothing: float = 0.0

    def __str__(self) -> str:
        """Shares, the largest first."""
        parts = sorted(self.shares.items(), key=lambda item: -item[1])
        named = " + ".join(f"{share:.2f} {name}" for name, share in parts if share > 0)
        return f"{named}, by {self.n_left_out:,} pairs left out"

    def to_frame(self) -> pd.DataFrame:
        """Share and losses on pairs that were left out, by forecast."""
        columns = {"share": self.shares, "energy": self.losses, "unbiased_energy": self.unbiased_losses}
        return pd.DataFrame(columns).rename_axis("arm")

    def draw(self, n_sources: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Name of the forecast that each draw of each source is of, shape ``(n_sources, n_draws)``."""
        shares = np.tile(list(self.shares.values()), (n_sources, 1))
        return np.array(list(self.shares), dtype=object)[systematic_draws(shares, n_draws, rng)]

    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """As plain values and arrays."""
        options, arrays = self.look_up.to_stored()
        plain = {name: getattr(self, name) for name in _PLAIN}
        of_look_up = {_LOOK_UP + name: value for name, value in arrays.items()}
        return {**plain, "look_up": options}, self.pairs._asdict() | of_look_up

    @classmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`."""
        of_look_up = {name.removeprefix(_LOOK_UP): value for name, value in arrays.items() if name.startswith(_LOOK_UP)}
        pairs = KnownPairs(**{name: arrays[name] for name in KnownPairs._fields})
        look_up = Kernel.from_stored(config["look_up"], of_look_up)
        pairs.check(len(look_up.arrays["targets"]))
        return cls(**{name: config[name] for name in _PLAIN}, pairs=pairs, look_up=look_up)
