from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scgde.data import Pairs
from scgde.model._base_tde import BaseTDE
from scgde.model._train_options import Training, TrainOptions
from scgde.model._training import TrainableModel
from scgde.sets._pairs import pair_indices

if TYPE_CHECKING:
    from typing import Unpack

    from numpy.typing import ArrayLike

    from scgde.data import CellSets
    from scgde.sets import SetSplit

_PAIR_FRACTION = 0.25


class TDE(BaseTDE, TrainableModel):
    """Transport with distribution embeddings: transports the cells of any set to any other, given both embeddings.

    Parameters
    ----------
    adata
        Registered with ``setup_anndata``; None for a model that only embeds and transports.
    encoder, transport
        Names in ``scgde.nn.ENCODERS`` and ``scgde.nn.TRANSPORTS``.
    featurizer
        Name in ``scgde.nn.FEATURIZERS`` of the map from a cell to the vector that the encoder sees.
    condition
        What the transport is conditioned on, a name in ``scgde.nn.CONDITIONS``. ``"both"``: the embeddings of source
        and target. ``"source"``: that of the source alone, so that it learns from pairs only and needs no predictor.
        ``"lookup"``: a learnt vector for each set, which no other set has.
    n_latent
        Dimensions of the embedding. By default 32, or room for all moments and 16 more.
    moments
        Whether most dimensions of the embedding are a fixed linear map of the moments of a set, and cells are
        transported in coordinates in which source and target have the same mean and widths, see
        :class:`~scgde.nn.linear_core.LinearCore`; for vectors, and the condition ``"both"``.
    encoder_kwargs, transport_kwargs, featurizer_kwargs
        Their options.
    isometry
        Weight of the term that ties latent distance to W2; 0 for none.
    isometry_ground
        How W2 is estimated: ``"sliced"``, or ``"sinkhorn"``, nearer to it in many dimensions and several times as long.
    scaling
        As in :class:`GDE`.
    cells, n_sets
        What a cell is, such as ``scgde.nn.cells.CellSpec.vectors(50)``, and, for ``"lookup"``, number of sets; required
        where ``adata`` is None.
    target
        What is transported of a cell, where that is not what is read of it.
    seed
        Seed of the initial weights.

    Attributes
    ----------
    predictor
        Forecasts the embedding of a target from that of its source, where one was fitted.
    mean_predictor
        Of a fit on perturbations: how the mean of the cells is displaced.
    share_predictor, states
        Of a fit on perturbations: how the logarithms of the shares of states of cells change, and these states.
    conditions
        Of a fit on perturbations: the features of each single one.
    mixture
        What :func:`scgde.tl.forecast` mixes, and in which shares, where that was chosen.

    Examples
    --------
    >>> import scgde
    >>> clones = clones[clones.obs["tde_set"].notna()].copy()
    >>> scgde.model.TDE.setup_anndata(clones, set_key="tde_set")
    >>> model = scgde.model.TDE(clones)
    >>> model.train(1000, pairs=[("clone_02|2", "clone_02|4"), ("clone_02|4", "clone_02|6")])
    >>> z = model.get_embedding()
    """

    def train(
        self,
        max_steps: int = 1000,
        *,
        pairs: ArrayLike | None = None,
        pair_fraction: float | None = None,
        pair_weights: ArrayLike | None = None,
        target_dropout: float = 0.0,
        **options: Unpack[TrainOptions],
    ) -> None:
        """Train on pairs of the registered sets: given ones, random ones, or some of both in each step.

        Parameters
        ----------
        max_steps
            Optimiser steps.
        pairs
            Names of source and target sets, shape ``(n, 2)``. None: any set is transported to any other.
        pair_fraction
            Share of the given pairs in a step, the rest are random. By default a quarter, and 1 for a model that is
            conditioned on the source alone.
        pair_weights
            Given pairs are drawn in proportion to these, shape ``(n,)``; uniformly by default.
        target_dropout
            Share of the given pairs in a step that come without the embedding of their target, zeros in its place: with
            these the model also learns to forecast from the source alone.
        **options
            See :class:`TrainOptions`. A step has ``sets_per_batch`` pairs. Sets that pairs link are held out together.
            Pairs with a set that is neither trained nor validated on are not used. Sets of a model of condition
            ``"lookup"`` are never held out: what was not trained has no vector.

        Raises
        ------
        KeyError
            If a named set is not there.
        TypeError
            If an option is unknown.
        ValueError
            If an option is out of its range, or there are no pairs of the kind that a step needs.
        """
        training, condition = Training.of(max_steps, options), self.module.conditioning
        if pair_fraction is None:
            pair_fraction = _PAIR_FRACTION if condition.needs_predictor else 1.0
        codes = pair_indices(pairs, self._own_cells().names)
        given = Pairs.of(codes, pair_weights, pair_fraction, target_dropout)
        split = self._split_pairs(training, given)
        for part, name in zip(split, ("training", "validation"), strict=True):
            given.check_can_be_drawn(part, name)
        self._fit(training, split, pairs=given)

    @classmethod
    def _options_of(cls, cells: CellSets) -> dict[str, Any]:
        return {"n_sets": len(cells.names)}

    def _split_pairs(self, training: Training, pairs: Pairs) -> SetSplit:
        """Training and validation sets; none of the latter where they would hold no pair of the kind of a step."""
        if not self.module.embeds_new_sets:
            split = self._split(training, fraction=0.0)
            return split._replace(validation=split.train)
        split = self._split(training, links=pairs.codes)
        if training.options["train_sets"] is None and not pairs.can_be_drawn(split.validation):
            return split._replace(validation=split.validation[:0])
        return split
