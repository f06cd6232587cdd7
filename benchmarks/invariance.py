"""Does every encoder depend on the empirical measure only?

300 points in 14 dimensions, float32: the largest change of the embedding, relative to its size, when the points are
permuted, repeated three times, padded with cells of weight 0, or embedded in a ragged batch. Sum pooling, which
does see the number of cells, is the negative control.

    python benchmarks/invariance.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from _common import parser, report
from scgde.nn.encoders import ENCODERS
from scgde.train import seeded

if TYPE_CHECKING:
    from collections.abc import Callable

N_FEATURES, N_EMBED, N_CELLS = 14, 32, 300


def uniform(x: torch.Tensor) -> torch.Tensor:
    """Equal weights for cells ``(S, M, G)``."""
    return torch.full(x.shape[:2], 1 / x.shape[1])


def deviations(encode: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], x: torch.Tensor) -> dict[str, float]:
    """Relative change of the embedding of cells ``(1, M, G)`` under what must not change it."""
    base = encode(x, uniform(x))
    order = torch.randperm(x.shape[1])
    padded = torch.cat([x, 1e3 * torch.randn(1, 57, x.shape[2])], dim=1)
    padded_weights = torch.cat([uniform(x), torch.zeros(1, 57)], dim=1)
    small = torch.cat([x[:, :40], torch.zeros(1, x.shape[1] - 40, x.shape[2])], dim=1)
    small_weights = (torch.arange(x.shape[1]) < 40).float()[None] / 40
    ragged = encode(torch.cat([x, small]), torch.cat([uniform(x), small_weights]))
    alone = encode(x[:, :40], uniform(x[:, :40]))
    changed = {
        "permuted": (encode(x[:, order], uniform(x)), base),
        "repeated": (encode(x.repeat(1, 3, 1), uniform(x.repeat(1, 3, 1))), base),
        "padded": (encode(padded, padded_weights), base),
        "ragged": (ragged, torch.cat([base, alone])),
    }
    return {name: float((a - b).norm() / b.norm()) for name, (a, b) in changed.items()}


def main() -> None:
    arguments = parser(__doc__, steps=0).parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    with torch.no_grad(), seeded(0):
        x = torch.randn(1, N_CELLS, N_FEATURES)
        for name in ENCODERS:
            rows.append({"encoder": name} | deviations(ENCODERS[name](N_FEATURES, N_EMBED).eval(), x))
        network = torch.nn.Linear(N_FEATURES, N_EMBED)
        control = deviations(lambda x, w: (network(x) * (w > 0)[..., None]).sum(1), x)
        rows.append({"encoder": "sum pooling (control)"} | control)
    report(rows, arguments.name or "invariance", seeds=[0])


if __name__ == "__main__":
    main()
