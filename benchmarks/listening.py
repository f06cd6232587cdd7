"""Which paths from the embedding to a generator of sequences make it use the embedding?

Twelve donors of T cell receptors differ by about a hundredth of a nat per token, beside 1.34 that all receptors share.
Half of the receptors of each donor are fitted, with one thing left out in turn: the path straight to the logits
(``direct``), the fixed mean counts of words in the embedding (``moments``), both, and the larger learning rate;
``with first state`` has one path more. Nats per token of the other half, given the embedding of the own donor, of
another one, and the mean one: a generator that ignores it has the same for all three.

    python benchmarks/listening.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import nn

import repertoires
import scgde
from _common import parser, report, timed
from scgde.nn.generators import GENERATORS
from scgde.nn.sequences import DirectLogits

if TYPE_CHECKING:
    from torch import Tensor

    from scgde.nn.cells import CellSpec

Autoregressive = GENERATORS["autoregressive"]


class ConstantLogits(DirectLogits):
    """Logits that do not depend on the context."""

    def forward(self, context: Tensor) -> Tensor:  # noqa: D102
        return super().forward(torch.zeros_like(context))


@GENERATORS.register("without_direct")
class WithoutDirect(Autoregressive):  # type: ignore[misc, valid-type]
    """The context does not go straight to the logits."""

    def __init__(self, spec: CellSpec, n_context: int, **options: Any) -> None:
        super().__init__(spec, n_context, **options)
        self.direct = ConstantLogits(n_context, *self.closed.shape)


@GENERATORS.register("with_first_state")
class WithFirstState(Autoregressive):  # type: ignore[misc, valid-type]
    """The context is also added to the state of every position."""

    def __init__(self, spec: CellSpec, n_context: int, **options: Any) -> None:
        super().__init__(spec, n_context, **options)
        self.first_state = nn.Linear(n_context, self.positions.shape[1])

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:  # noqa: D102
        self._state = self.first_state(context)[:, None, None]
        return super().log_prob(x, context)

    def _inputs(self, before: Tensor, *, start: int = 0) -> Tensor:
        return super()._inputs(before, start=start) + self._state


ARMS: dict[str, dict[str, Any]] = {
    "default": {},
    "with first state": {"generator": "with_first_state"},
    "without direct": {"generator": "without_direct"},
    "without moments": {"moments": False},
    "without direct, without moments": {"generator": "without_direct", "moments": False},
    "smaller learning rate": {"train_kwargs": repertoires.OPTIONS["train_kwargs"] | {"lr": 2e-3}},
}


def run(seed: int, steps: int, n_scored: int) -> list[dict]:
    """Rows of all arms."""
    adata, rng, rows = repertoires.receptors(), np.random.default_rng(seed), []
    first = rng.random(adata.n_obs) < 0.5
    fitted, rest = adata[first].copy(), adata[~first].copy()
    for arm, options in ARMS.items():
        record: dict = {"seed": seed, "arm": arm}
        with timed(record):
            model = scgde.tl.fit_gde(
                fitted, "donor", use_rep="X_tokens", max_steps=steps, seed=seed, **(repertoires.OPTIONS | options)
            )
        names, z = fitted.uns["gde"]["sets"].index, fitted.uns["gde"]["embedding"]
        codes = pd.Categorical(rest.obs["donor"], categories=names).codes
        some = np.concatenate([np.flatnonzero(codes == i)[:n_scored] for i in range(len(names))])
        nats = repertoires.nats(model, z, rest.obsm["X_tokens"][some], codes[some], np.random.default_rng(seed))
        gain = {f"gain_over_{name}": round(float(nats[name] - nats["own"]), 5) for name in ("other", "mean")}
        rows.append(record | {"own": round(float(nats["own"]), 4), **gain, "all_better": nats["all_better"]})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    options = parser(__doc__, steps=200)
    options.add_argument("--scored", type=int, default=300, help="receptors of each donor that are scored")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for seed in arguments.seeds for row in run(seed, arguments.steps, arguments.scored)]
    report(rows, arguments.name or "listening", accelerator="cpu")


if __name__ == "__main__":
    main()
