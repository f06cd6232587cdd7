"""What the pipelines of all fits share: group, split, model, train, write."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from scgde import __version__, _keys
from scgde._checks import check_options
from scgde._hints import did_you_mean
from scgde.data.representations import REPRESENTATIONS, Representation, Vectors
from scgde.model import TrainOptions
from scgde.model._base_gde import DROPOUT
from scgde.model._io import to_storable
from scgde.results._frames import frame_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config
    from scgde.data import CellSets
    from scgde.sets import Grouping, Pairing, SetSplit

DEFAULT_STEPS = 1000
#: Options of training that follow from how a fit splits the sets.
_BY_SPLIT = frozenset({"train_sets", "validation_sets"})
#: Share of its fall that the validation loss loses in the last fifth of the steps of a fit that is not over.
_STILL_FALLING = 0.05
#: Training sets below which an embedding has moments by default, and of vectors that are generated as they are read.
FEW_SETS, _FEW_SETS_OF_VECTORS = 200, 300
#: How near cells must be in the frame of a set: those of all sets, and those of the nearest one.
_NEAR_POOLED, _NEAR_NEAREST = 0.3, 0.2


class Representations(NamedTuple):
    """What is read of a cell, and what is modelled; the same object where both are one."""

    encoder: Representation
    target: Representation

    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        """Require what the model needs of the cells that are in a set."""
        self.encoder.check(adata, codes)
        if self.target is not self.encoder:
            self.target.check(adata, codes)

    def for_transport(self) -> Representations:
        """What is read, and what a transport moves."""
        return Representations.of(self.encoder, self.target.for_transport())

    @classmethod
    def of(cls, encoder: Representation, target: Representation) -> Self:
        """Both, as one where they are one entry: it is opened, and learnt from, once."""
        is_same = type(target) is type(encoder) and target.label == encoder.label
        return cls(target if is_same else encoder, target)

    def fit(self, adata: AnnData, grouping: Grouping, sets: np.ndarray) -> Representations:
        """What these learn from the cells of the training ``sets``, rows of the set table."""
        rows = np.flatnonzero(np.isin(grouping.codes, sets))
        read = self.encoder.fit(adata, rows)
        return Representations(read, read if self.target is self.encoder else self.target.fit(adata, rows, read=read))


def open_representations(
    adata: AnnData, *, cells: str | None, use_rep: str | None, layer: str | None, generate: str | None
) -> Representations:
    """Representations that the arguments of a fit name.

    Without ``cells``, each entry is of the kind that it declares, and of vectors where it declares none.

    Raises
    ------
    KeyError
        If there is no such entry.
    TypeError, ValueError
        If there is no such kind, or an entry cannot hold cells of it.
    """
    if generate not in (None, "X", *adata.obsm):
        msg = f'`generate` must be "X" or name an entry of `adata.obsm`, got {generate!r}. Entries: {list(adata.obsm)}.'
        raise KeyError(msg)
    kind, generated = (_kind(adata, cells, entry) for entry in (use_rep, generate))
    encoder, target = kind.views(adata, use_rep=use_rep, layer=layer)
    if generate is None:
        return Representations(encoder, target)
    return Representations.of(encoder, generated.from_adata(adata, use_rep=generate, layer=None))


def _kind(adata: AnnData, cells: str | None, use_rep: str | None) -> type[Representation]:
    """Kind of cells of an entry: as asked for, as it declares, or vectors."""
    if cells is not None:
        return REPRESENTATIONS[cells]
    declared = (REPRESENTATIONS[name] for name in REPRESENTATIONS)
    return next((kind for kind in declared if kind.is_declared(adata, use_rep)), Vectors)


def with_backbone(network: type, views: Representations, options: Config | None) -> Config | None:
    """Options of a generator or transport: its backbone is that of the kind of cells, where it takes one."""
    backbone = views.target.default_backbone
    if backbone is None or "backbone" not in inspect.signature(network).parameters:
        return options
    return {"backbone": backbone, **(options or {})}


def decoder_options(views: Representations, options: Config | None) -> Config | None:
    """Options of a decoder, for cells that have one."""
    if views.target.is_decoded:
        return options or {}
    if options is not None:
        msg = f'`decoder_kwargs` must be None for cells that are not decoded, got {options}. Fit with `cells="counts"`.'
        raise ValueError(msg)
    return None


def check_training(options: Any, fit: Callable[..., Any]) -> Config:
    """Options of training that a function does not take by name, none for None.

    Raises
    ------
    TypeError
        If these are no options of training, or an argument of the function is among them.
    """
    known, arguments = TrainOptions.__optional_keys__, inspect.signature(fit).parameters
    free = sorted(known - arguments.keys() - _BY_SPLIT)
    given = check_options(options, "train_kwargs")
    for name in given:
        if name in arguments:
            msg = f"`train_kwargs` must hold no argument of `{fit.__name__}`, got {name!r}. Pass `{name}=` itself."
            raise TypeError(msg)
        if name not in free:
            instead = " Choose sets with `split_key`." if name in _BY_SPLIT else did_you_mean(name, free)
            msg = f"`train_kwargs` must be options of training, got {name!r}. Options: {free}.{instead}"
            raise TypeError(msg)
    return given


def default_moments(cells: CellSets, train: np.ndarray, *, seed: int) -> bool | str:
    """Whether an embedding begins with moments: where sets are few, and where they differ in frame.

    Where they differ in shape as well, but less from set to set, it also describes sets without them.
    """
    if len(train) < _few_sets(cells):
        return True
    errors = frame_errors(cells, train, seed=seed) if are_one_vector(cells) else None
    if errors is None:
        return False
    return errors.pooled < _NEAR_POOLED or (DROPOUT if errors.nearest < _NEAR_NEAREST else False)


def default_steps(cells: CellSets, n_train: int, *, moments: bool) -> int:
    """Steps of a fit: more where most sets of a step are virtual, which no network learns by heart."""
    is_widened = moments and n_train < _few_sets(cells) and cells.encoder.representation.spec.is_vector
    return cells.target.representation.steps_of_few_sets if is_widened else DEFAULT_STEPS


def _few_sets(cells: CellSets) -> int:
    """Training sets below which an embedding has moments by default."""
    return _FEW_SETS_OF_VECTORS if are_one_vector(cells) else FEW_SETS


def are_one_vector(cells: CellSets) -> bool:
    """Whether cells are vectors, and what is read of them is what is modelled."""
    return cells.target is cells.encoder and cells.encoder.representation.spec.is_vector


def transport_has_moments(split: SetSplit, views: Representations, pairing: Pairing) -> bool:
    """Whether the embedding of a transport holds moments by default: of few sets of vectors.

    Of perturbations the mean has a predictor of its own, and shares of states add up better in what is learnt.
    """
    return len(split.train) < FEW_SETS and not pairing.of_perturbations and views.encoder.spec.is_vector


def fit_params(views: Representations, *, mask: Any, set_weights: Any, **options: Any) -> Config:
    """Options of a fit as an AnnData holds them; of masks and weights, the columns that they were, or "array"."""
    given = {"mask": mask, "set_weights": set_weights}
    columns = {name: value if isinstance(value, str) else "array" for name, value in given.items() if value is not None}
    entries = entries_of(*views)
    return to_storable({**columns, **options, **entries, "version": __version__})


def entries_of(encoder: Representation, target: Representation) -> Config:
    """Kind of the cells that are modelled, where those that are read are, and where these are if that is elsewhere."""
    read, modelled = encoder.to_stored()[0], target.to_stored()[0]
    entry: dict[str, Any] = {"cells": "counts" if target.moves_counts else REPRESENTATIONS.name_of(type(target))}
    entry |= {name: read[name] for name in ("use_rep", "layer") if name in read}
    if target is not encoder and "use_rep" in modelled:
        entry |= {"generate": modelled["use_rep"], "generate_layer": modelled.get("layer")}
    return entry


def train_names(sets: CellSets, split: SetSplit) -> dict[str, Any]:
    """The sets of a split as ``train`` takes them."""
    return {"train_sets": sets.names[split.train].tolist(), "validation_sets": sets.names[split.validation].tolist()}


def columns_of_fit(sets: CellSets, split: SetSplit, weights: pd.Series | None) -> dict[str, Any]:
    """What the fit used each set for and, where some were drawn more often, its weight: columns of the set table."""
    columns: dict[str, Any] = {_keys.SPLIT: split.column(len(sets.names))}
    if weights is not None:
        columns[_keys.WEIGHT] = weights.reindex(sets.names).astype(float).array
    return columns


def warn_of_training(history: pd.DataFrame, split: SetSplit, fraction: float) -> None:
    """Warn where nothing tells when to stop, or the fit was stopped too early.

    Parameters
    ----------
    history
        Of the fit.
    split
        Its sets.
    fraction
        Share of the sets that were to be validated on.

    Warns
    -----
    UserWarning
        If no set was left to validate on, or the validation loss fell to the last step.
    """
    if fraction > 0 and not len(split.validation):
        msg = (
            f"No set is left to validate on: {fraction:.0%} of {len(split.train)} sets is none. The weights are those "
            "of the last step, whether or not they fit new sets. Raise `validation_fraction`, or choose sets with "
            "`split_key`."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)
    loss = history["validation_loss"].dropna().to_numpy()
    late = len(loss) // 5
    if late and loss.argmin() == len(loss) - 1 and loss[-1 - late] - loss[-1] > _STILL_FALLING * (loss[0] - loss[-1]):
        msg = (
            f"The validation loss was lowest at the last step, {history['step'].iloc[-1]}, and still falling: "
            f"{loss[-1 - late]:.4g} before the last fifth of the steps, {loss[-1]:.4g} after. Raise `max_steps`."
        )
        warnings.warn(msg, UserWarning, stacklevel=4)
