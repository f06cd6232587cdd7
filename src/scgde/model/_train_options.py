from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from scgde._checks import check_count, check_fraction, check_positive
from scgde.data import BatchSpec

if TYPE_CHECKING:
    from pathlib import Path

    from scgde._types import Config

#: Of the batch, in the order of ``BatchSpec``.
_SIZES = ("sets_per_batch", "set_size", "target_size", "disjoint_views", "n_mixed", "mixing_alpha")
#: Where training runs, which does not decide where it ends.
_PLACE = ("accelerator", "devices", "checkpoint_dir", "progress_bar")


class TrainOptions(NamedTuple):
    """Options of training that all models share; see ``GDE.train``."""

    spec: BatchSpec
    max_steps: int
    steps_per_validation: int
    patience: int | None
    lr: float
    weight_decay: float
    ema_decay: float
    gradient_clip: float
    precision: str
    seed: int
    accelerator: str
    devices: int | list[int] | str
    checkpoint_dir: str | Path | None
    progress_bar: bool

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Self:
        """From the arguments of ``train``, by name; those of one model alone are left out."""
        spec = BatchSpec(*(arguments[name] for name in _SIZES))
        options = cls(spec, *(arguments[name] for name in cls._fields[1:]))
        options.check()
        return options

    def check(self) -> None:
        """Require options that make sense, before any data is read."""
        for name in ("sets_per_batch", "set_size", "target_size", "n_mixed"):
            check_count(getattr(self.spec, name), name)
        for name in ("max_steps", "steps_per_validation"):
            check_count(getattr(self, name), name)
        if self.patience is not None:
            check_count(self.patience, "patience")
        check_count(self.seed, "seed", minimum=0)
        check_positive(self.spec.mixing_alpha, "mixing_alpha")
        check_positive(self.lr, "lr")
        check_fraction(self.ema_decay, "ema_decay")

    @property
    def optimizer(self) -> dict[str, Any]:
        """Options of the training plan."""
        return {name: getattr(self, name) for name in ("max_steps", "lr", "weight_decay", "ema_decay", "seed")}

    @property
    def run(self) -> dict[str, Any]:
        """Options of :func:`scgde.train.run_training`."""
        names = ("max_steps", "patience", "precision", *_PLACE)
        return {name: getattr(self, name) for name in names} | {"gradient_clip_val": self.gradient_clip}

    def flat(self) -> Config:
        """What decides, with the model and the data, where training ends, by name."""
        options = {**self._asdict(), **self.spec._asdict()}
        return {f"train_{name}": value for name, value in options.items() if name not in _PLACE}
