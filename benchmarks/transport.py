"""Does one model that moves any set to any other learn from sets without a partner?

A7: a transport between unseen Gaussian sets, with an encoder and with a learnt vector for each training set.
A8: pairs of a part of the plane only; forecasts outside of it.
A9: simulated clones, few of them seen twice; forecasts for clones that no step has seen.
A10: transported cells against the Brenier map.

Energy is 2 E|xy| - E|xx'| - E|yy'| (U: unbiased, V: all pairs), W2 squared is that of Gaussian fits of 500 cells.

    python benchmarks/transport.py --experiment A10
"""

from __future__ import annotations

import torch

import _transport_clones
import _transport_gaussian
from _common import parser, report

EXPERIMENTS = {
    "A7": _transport_gaussian.any_to_any,
    "A8": _transport_gaussian.out_of_range,
    "A9": _transport_clones.orphans,
    "A10": _transport_gaussian.unit_level,
}


def main() -> None:
    options = parser(__doc__, steps=2000)
    options.add_argument("--experiment", choices=sorted(EXPERIMENTS), required=True)
    options.add_argument("--first-seed", type=int, default=0)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    rows = [row for seed in seeds for row in EXPERIMENTS[arguments.experiment](seed, arguments.steps)]
    table = report(rows, f"{arguments.experiment}_transport")
    by = list(table.columns[: table.columns.get_loc("seed")])
    print("\nmedian over seeds\n", table.drop(columns="seed").groupby(by, sort=False).median().round(4).to_string())


if __name__ == "__main__":
    main()
