"""Options of training that all models share: one typed table, and its values once checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict

from scgde._checks import check_count, check_fraction, check_non_negative, check_positive
from scgde.data import BatchSpec
from scgde.train import check_devices, open_state_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from scgde._types import Config


class TrainOptions(TypedDict, total=False):
    """Options of ``train`` that all models share.

    ===========================  ===================  ================================================================
    option                       default              meaning
    ===========================  ===================  ================================================================
    ``sets_per_batch``           64                   sets, or pairs of sets, in a step
    ``set_size``                 100                  cells of each set that the encoder sees in a step
    ``target_size``              32                   cells of each set that are modelled in a step
    ``disjoint_views``           True                 whether these are other cells than those that the encoder sees
    ``n_mixed``                  1                    sets mixed into one (Dirichlet weights), 1 for none
    ``mixing_alpha``             1.0                  concentration of those weights
    ``validation_fraction``      0.1                  share of the sets held out for ``validation_loss``
    ``train_sets``               None                 names of the sets to train on, in place of a random share
    ``validation_sets``          None                 names of the sets to validate on; others are not used
    ``set_weights``              None                 weight of each set by name: sets are drawn in proportion
    ``steps_per_validation``     50                   steps between validations
    ``patience``                 10                   validations without improvement before training stops, or None
    ``lr``                       0.002                largest learning rate of AdamW
    ``weight_decay``             0.0001               of AdamW
    ``ema_decay``                0.999                decay of the average of the weights, which is what remains
    ``gradient_clip``            1.0                  largest norm of a gradient
    ``precision``                "32-true"            passed to the trainer
    ``accelerator``              "auto"               passed to the trainer
    ``devices``                  1                    passed to the trainer; each draws ``sets_per_batch`` sets a step
    ``num_nodes``                1                    machines with so many devices each
    ``strategy``                 "auto"               passed to the trainer: how devices work together
    ``accumulate_grad_batches``  1                    batches on each device whose gradients make a step
    ``checkpoint_dir``           None                 folder of the training state; a fit that finds it resumes
    ``progress_bar``             True                 whether to show one
    ``seed``                     0                    same seed, machine and number of threads, same result
    ===========================  ===================  ================================================================

    Examples
    --------
    >>> import scgde
    >>> options: scgde.model.TrainOptions = {"lr": 1e-3, "patience": 20}
    >>> model = scgde.tl.fit_gde(adata, "donor", train_kwargs=options, progress_bar=False)
    """

    sets_per_batch: int
    set_size: int
    target_size: int
    disjoint_views: bool
    n_mixed: int
    mixing_alpha: float
    validation_fraction: float
    train_sets: Sequence[str] | None
    validation_sets: Sequence[str] | None
    set_weights: Mapping[str, float] | pd.Series | None
    steps_per_validation: int
    patience: int | None
    lr: float
    weight_decay: float
    ema_decay: float
    gradient_clip: float
    precision: str
    accelerator: str
    devices: int | list[int] | str
    num_nodes: int
    strategy: str
    accumulate_grad_batches: int
    checkpoint_dir: str | Path | None
    progress_bar: bool
    seed: int


DEFAULTS: TrainOptions = {
    "sets_per_batch": 64,
    "set_size": 100,
    "target_size": 32,
    "disjoint_views": True,
    "n_mixed": 1,
    "mixing_alpha": 1.0,
    "validation_fraction": 0.1,
    "train_sets": None,
    "validation_sets": None,
    "set_weights": None,
    "steps_per_validation": 50,
    "patience": 10,
    "lr": 2e-3,
    "weight_decay": 1e-4,
    "ema_decay": 0.999,
    "gradient_clip": 1.0,
    "precision": "32-true",
    "accelerator": "auto",
    "devices": 1,
    "num_nodes": 1,
    "strategy": "auto",
    "accumulate_grad_batches": 1,
    "checkpoint_dir": None,
    "progress_bar": True,
    "seed": 0,
}
#: Of the batch, by name in ``BatchSpec``.
_SIZES = {name: "disjoint_views" if name == "disjoint" else name for name in BatchSpec._fields}
#: Where training runs. A fit is resumed wherever there is room, also on fewer devices: it then sees fewer sets a step.
_RUN_ONLY = (
    "accelerator",
    "devices",
    "num_nodes",
    "strategy",
    "accumulate_grad_batches",
    "checkpoint_dir",
    "progress_bar",
)
_OPTIMIZER = ("lr", "weight_decay", "ema_decay", "seed")
_RUN = ("patience", "precision", *_RUN_ONLY)
#: Part of the identity of a fit, with the sizes of a batch.
_DECISIVE = ("steps_per_validation", "patience", *_OPTIMIZER, "gradient_clip", "precision")


class Training(NamedTuple):
    """Options of one call of ``train``, checked."""

    max_steps: int
    spec: BatchSpec
    options: TrainOptions

    @classmethod
    def of(cls, max_steps: int, options: TrainOptions) -> Self:
        """The given options with the defaults of the others.

        Raises
        ------
        TypeError
            If there is no such option, or one is of the wrong type.
        ValueError
            If one is out of its range.
        """
        unknown = [name for name in options if name not in DEFAULTS]
        if unknown:
            msg = f"`train` must be given known options, got {unknown}. Options: max_steps, {', '.join(DEFAULTS)}."
            raise TypeError(msg)
        values: dict[str, Any] = {**DEFAULTS, **options}
        spec = BatchSpec(**{name: values[option] for name, option in _SIZES.items()})
        training = cls(check_count(max_steps, "max_steps"), spec, {**DEFAULTS, **options})
        training._check()
        return training

    def _check(self) -> None:
        for name in ("sets_per_batch", "set_size", "target_size", "n_mixed"):
            check_count(getattr(self.spec, name), name)
        check_count(self.options["steps_per_validation"], "steps_per_validation")
        check_count(self.options["num_nodes"], "num_nodes")
        check_count(self.options["accumulate_grad_batches"], "accumulate_grad_batches")
        if self.options["patience"] is not None:
            check_count(self.options["patience"], "patience")
        check_count(self.seed, "seed", minimum=0)
        check_positive(self.spec.mixing_alpha, "mixing_alpha")
        check_positive(self.options["lr"], "lr")
        check_non_negative(self.options["weight_decay"], "weight_decay")
        check_non_negative(self.options["gradient_clip"], "gradient_clip")
        check_fraction(self.options["ema_decay"], "ema_decay")
        check_devices(**self._some(("accelerator", "devices", "strategy", "precision")))
        open_state_file(self.options["checkpoint_dir"])

    @property
    def seed(self) -> int:
        """Random seed."""
        return self.options["seed"]

    @property
    def optimizer(self) -> dict[str, Any]:
        """Options of the training plan."""
        return {"max_steps": self.max_steps} | self._some(_OPTIMIZER)

    @property
    def run(self) -> dict[str, Any]:
        """Options of :func:`scgde.train.run_training`."""
        clip = {"gradient_clip_val": self.options["gradient_clip"]}
        return {"max_steps": self.max_steps} | self._some(_RUN) | clip

    @property
    def identity(self) -> Config:
        """What decides, with the model and the data, where training ends, by name."""
        decisive = {"max_steps": self.max_steps, **self.spec._asdict(), **self._some(_DECISIVE)}
        return {f"train_{name}": value for name, value in decisive.items()}

    def _some(self, names: Sequence[str]) -> dict[str, Any]:
        options: dict[str, Any] = dict(self.options)
        return {name: options[name] for name in names}
