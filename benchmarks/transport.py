"""Does one transport between any two sets learn from sets without a partner?

lookup_comparison: transport between unseen Gaussian sets, with an encoder and with a learnt vector for each training
set. out_of_range: pairs in a part of the plane only; forecasts outside of it. orphan_clones: simulated clones, few of
them seen twice; forecasts for clones that were not trained on. optimal_map: transported cells against the Brenier map.

Energy distance is 2 E|xy| - E|xx'| - E|yy'|, W2 squared is that of Gaussian fits of 500 cells.

    python benchmarks/transport.py --experiment optimal_map
"""

from __future__ import annotations

import torch

import _gaussian_transport
import _orphan_clones
from _common import parser, report

EXPERIMENTS = {
    "lookup_comparison": _gaussian_transport.lookup_comparison,
    "out_of_range": _gaussian_transport.out_of_range,
    "orphan_clones": _orphan_clones.orphans,
    "optimal_map": _gaussian_transport.optimal_map,
}


def main() -> None:
    options = parser(__doc__, steps=2000)
    options.add_argument("--experiment", choices=sorted(EXPERIMENTS), required=True)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    seeds = arguments.seeds
    rows = [row for seed in seeds for row in EXPERIMENTS[arguments.experiment](seed, arguments.steps)]
    table = report(rows, arguments.name or arguments.experiment, accelerator="cpu")
    by = list(table.columns[: table.columns.get_loc("seed")])
    print("\nmedian over seeds\n", table.drop(columns="seed").groupby(by, sort=False).median().round(4).to_string())


if __name__ == "__main__":
    main()
