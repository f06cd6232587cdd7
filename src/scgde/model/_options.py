from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scgde._checks import check_count, check_fraction, check_positive

if TYPE_CHECKING:
    from scgde._types import Config
    from scgde.sets import BatchSpec


class TrainOptions(NamedTuple):
    """What decides, with the model and the data, where training ends; see ``GDE.train``."""

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

    def flat(self) -> Config:
        """All options by name."""
        return {f"train_{name}": value for name, value in {**self._asdict(), **self.spec._asdict()}.items()}
