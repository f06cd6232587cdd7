"""From generated cells to counts, where a model generates an entry that is not counts."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from scipy import sparse

from scgde.data.representations import CountLayer
from scgde.model import _io
from scgde.model._generation import as_sizes
from scgde.module import CountReadout, KnownOfSets
from scgde.nn.stored_weights import check_weights
from scgde.train import own_surroundings, rng_of, seeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from anndata import AnnData

    from scgde.data import CellStore

_CELLS_PER_STEP = 256
_LEARNING_RATE = 2e-3
#: Cells that the start is taken from, and that are decoded at once.
_MAX_CELLS = 10_000
_CELLS_PER_PART = 2_000


class CountDecoder:
    """Decoder of counts on a frozen representation.

    Parameters
    ----------
    layer
        Where the counts of the training cells are, and their genes.
    n_features
        Of the representation.
    options
        Of the network.

    Examples
    --------
    >>> import scanpy as sc
    >>> import scgde
    >>> counted = scgde.datasets.cohort(20, n_genes=50, seed=0)
    >>> sc.pp.pca(counted, n_comps=10)
    >>> model = scgde.tl.fit_gde(counted, "donor", use_rep="X_pca")
    >>> scgde.tl.fit_decoder(counted, "counts", max_steps=100)
    >>> scgde.tl.generate(counted, "donor_00", n_cells=20, decode=True).shape
    (20, 50)
    """

    def __init__(self, layer: CountLayer, n_features: int, **options: Any) -> None:
        self.layer = layer
        self._config = {"n_features": n_features, **options}
        self.readout = CountReadout(n_features, len(layer.genes), **options)

    @classmethod
    @own_surroundings()
    def fit(
        cls,
        layer: CountLayer,
        cells: CellStore,
        counts: CellStore,
        rows: np.ndarray,
        *,
        max_steps: int,
        seed: int,
        **options: Any,
    ) -> Self:
        """Decoder that is fitted on the cells of ``rows``: what is known of each, and its counts."""
        rng = np.random.default_rng(seed)
        with seeded(seed):
            decoder = cls(layer, cells.shape[0], **options)
            readout = decoder.readout
            some = rng.permutation(rows)[:_MAX_CELLS]
            known = torch.from_numpy(counts.rows(some))
            total = known.sum(0)
            readout.init_from([torch.from_numpy(cells.rows(some))], known.sum(1), total / total.sum().clamp_min(1))
            draws = (rng.choice(rows, _CELLS_PER_STEP) for _ in count())
            _train(readout, cells, counts, draws, max_steps)
        return decoder

    @own_surroundings()
    @torch.no_grad()
    def decode(
        self, cells: np.ndarray, *, library_size: Any = None, shape: tuple[int, ...] | None = None, seed: int = 0
    ) -> sparse.csr_matrix:
        """Draw the counts of cells.

        Parameters
        ----------
        cells
            Shape ``(n, n_features)``.
        library_size
            As in :meth:`scgde.model.GDE.generate`.
        shape
            That arrays of library sizes broadcast to, of n cells; ``(n,)`` by default.
        seed
            Random seed.

        Returns
        -------
        CSR, shape ``(n, G)``.
        """
        rng, sizes = rng_of(seed), None
        if library_size is not None:
            median = self.readout.median_library_size
            sizes = torch.from_numpy(as_sizes(library_size, shape or (len(cells),), median=median).ravel())
        parts = []
        for start in range(0, len(cells), _CELLS_PER_PART):
            part = slice(start, start + _CELLS_PER_PART)
            x = torch.from_numpy(np.asarray(cells[part], dtype=np.float32))[None]
            given = None if sizes is None else sizes[part][None]
            made = self.readout.sample(x, KnownOfSets(), library_size=given, rng=rng)
            parts.append(sparse.csr_matrix(made[0].numpy()))
        return sparse.vstack(parts, format="csr")

    def to_adata(self, counts: sparse.csr_matrix, obs: pd.DataFrame) -> AnnData:
        """Counts ``(n, G)`` as an AnnData."""
        return self.layer.to_adata(counts, obs)

    def to_stored(self) -> _io.Stored:
        """As plain values and arrays."""
        state = {name: value.numpy() for name, value in self.readout.state_dict().items()}
        return _io.Stored({**self._config, **self.layer._asdict()}, state)

    @classmethod
    def from_stored(cls, stored: _io.Stored) -> Self:
        """Inverse of :meth:`to_stored`."""
        options = dict(stored.config)
        layer = CountLayer(options.pop("layer"), options.pop("genes"))
        check_weights(lambda: cls(layer, **options).readout, stored.state)
        decoder = cls(layer, **options)
        decoder.readout.load_state_dict({name: torch.from_numpy(value) for name, value in stored.state.items()})
        return decoder


def _train(readout: CountReadout, cells: CellStore, counts: CellStore, draws: Iterator[np.ndarray], n: int) -> None:
    optimizer = torch.optim.AdamW(readout.parameters(), lr=_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n)
    for rows in islice(draws, n):
        x, y = (torch.from_numpy(store.rows(rows))[None] for store in (cells, counts))
        optimizer.zero_grad()
        readout.loss(x, y, KnownOfSets()).mean().backward()
        torch.nn.utils.clip_grad_norm_(readout.parameters(), 1.0)
        optimizer.step()
        schedule.step()
