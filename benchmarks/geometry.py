"""Does the latent geometry recover Wasserstein-2 distance, and do generated cells recover their set?

A2: Gaussian sets, mu ~ U[0, 5]^2, Sigma ~ inverse Wishart (df 10). A2b: mu ~ U[-1, 1]^2, randomly rotated, standard
deviations U[.2, 1.5], where location and shape matter alike. A6: the same in 5 and 10 dimensions, and mixtures.

Each set is embedded from 500 cells. ``pearson``, ``spearman``: latent L2 against W2 between pairs of held-out sets.
``energy``: unbiased energy distance of generated cells to cells that the encoder did not see. ``w2``: between the
Gaussian fit of 1,000 generated cells and the truth. ``midpoint`` (A3): W2 of the cells generated half-way between two
embeddings to the displacement interpolation, over W2 of the two ends; ``mixture``: the same of both sets mixed.

    python benchmarks/geometry.py --experiment A2b
    python benchmarks/geometry.py --experiment A6 --models default wormhole kernel_mean moments
"""

from __future__ import annotations

import torch

import _geometry_gaussian
from _common import parser, report

MODELS = {
    "default": {"isometry": 0.0},
    "isometry": {"isometry": 0.1},
}


def main() -> None:
    options = parser(__doc__, steps=2000)
    options.add_argument("--experiment", choices=sorted(_geometry_gaussian.FAMILIES), default="A2")
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--models", nargs="+", choices=sorted(MODELS), default=["default", "isometry"])
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.models = [{"name": name} | MODELS[name] for name in arguments.models]
    report(_geometry_gaussian.run(arguments.experiment, arguments), f"{arguments.experiment}_geometry")


if __name__ == "__main__":
    main()
