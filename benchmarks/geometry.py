"""Does the latent geometry recover Wasserstein-2 distance, and do generated cells recover their set?

gaussian_geometry: Gaussian sets, mu ~ U[0, 5]^2, Sigma ~ inverse Wishart (df 10). balanced_gaussian_geometry:
mu ~ U[-1, 1]^2, randomly rotated, standard deviations U[0.2, 1.5], where location and shape matter alike.
reconstruction: the same in 5 and 10 dimensions, and mixtures. multinomial_geometry: multinomials and images of digits.
prior_warping: multinomials under skewed priors, and weights against them. poisson_zero: what a set learns from others.

The first three: each set is embedded from 500 cells. ``pearson``, ``spearman``: latent L2 against W2 between pairs of
held-out sets. ``energy``: unbiased energy distance of generated cells to cells that the encoder did not see. ``w2``:
between the Gaussian fit of 1,000 generated cells and the truth. ``midpoint``: W2 of the cells generated half-way
between two embeddings to the displacement interpolation, over W2 of the two ends; ``mixture``: the same of both sets
mixed. The other columns are explained where they are computed.

    python benchmarks/geometry.py --experiment balanced_gaussian_geometry
    python benchmarks/geometry.py --experiment reconstruction --models default learnt wormhole "kernel mean" moments
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

import _gaussian_geometry
import _multinomial_geometry
import _poisson_zero
from _common import parser, report

if TYPE_CHECKING:
    from collections.abc import Callable

ISOMETRY: dict[str, Any] = {"isometry": 0.1}
#: Embeddings that are learnt as a whole.
LEARNT: dict[str, Any] = {"moments": False}
#: Noise and cells of a set paired by optimal transport.
OT: dict[str, Any] = LEARNT | {"generator_kwargs": {"coupling": "ot"}}
#: A flow that learns only what Gaussians do not explain.
GAUSSIAN: dict[str, Any] = {"generator_kwargs": {"gaussian": True}}
#: Networks that are large enough for three features, and fast.
SMALL: dict[str, Any] = {
    "n_latent": 8,
    "encoder_kwargs": {"n_hidden": 64},
    "generator_kwargs": {"backbone_kwargs": {"n_hidden": 64, "n_layers": 2}},
}
WORMHOLE = LEARNT | {"encoder": "wormhole", "generator": "wormhole", "isometry": 1.0, "isometry_ground": "sinkhorn"}
MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "isometry": ISOMETRY,
    "moments in front, gaussian": {"moments": True} | GAUSSIAN,
    "learnt": LEARNT,
    "learnt, isometry": LEARNT | ISOMETRY,
    "OT": OT,
    "OT, isometry": OT | ISOMETRY,
    "gaussian": LEARNT | GAUSSIAN,
    "moments, gaussian": LEARNT | GAUSSIAN | ISOMETRY | {"encoder": "moments", "n_latent": 128},
    "OT, gaussian, isometry": LEARNT
    | ISOMETRY
    | {"generator_kwargs": OT["generator_kwargs"] | GAUSSIAN["generator_kwargs"]},
    "small": SMALL,
    "small, isometry": SMALL | ISOMETRY,
    "small, OT": SMALL | {"generator_kwargs": SMALL["generator_kwargs"] | OT["generator_kwargs"]},
    "wormhole": WORMHOLE,
    "kernel mean": LEARNT | {"encoder": "kernel_mean"},
    "moments": LEARNT | {"encoder": "moments"},
    "residual": LEARNT | {"encoder": "residual_gnn"},
    "deep sets": LEARNT | {"encoder": "deep_sets"},
    "diffusion": LEARNT | {"generator": "diffusion"},
    "residual, diffusion": LEARNT | {"encoder": "residual_gnn", "generator": "diffusion"},
    "cvae": LEARNT | {"generator": "cvae"},
    "sliced Wasserstein": LEARNT | {"generator": "sliced_wasserstein"},
    "sinkhorn": LEARNT | {"generator": "sinkhorn"},
    "mmd": LEARNT | {"generator": "mmd"},
    "energy": LEARNT | {"generator": "energy"},
}


class Experiment(NamedTuple):
    """What to run, with the default steps and models."""

    run: Callable[..., list[dict]]
    steps: int
    models: tuple[str, ...] = ("default", "isometry")


EXPERIMENTS = {name: Experiment(_gaussian_geometry.run, 2000) for name in _gaussian_geometry.FAMILIES} | {
    "multinomial_geometry": Experiment(_multinomial_geometry.run, 800, ("small", "small, isometry")),
    "prior_warping": Experiment(_multinomial_geometry.run, 800, ("small", "small, isometry")),
    "poisson_zero": Experiment(_poisson_zero.run, 1500, ()),
}


def main() -> None:
    options = parser(__doc__, steps=0)
    options.add_argument("--experiment", choices=sorted(EXPERIMENTS), default="gaussian_geometry")
    options.add_argument("--models", nargs="+", choices=sorted(MODELS))
    options.add_argument("--families", nargs="+", help="of `reconstruction`, by the beginning of their names")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    experiment = EXPERIMENTS[arguments.experiment]
    arguments.steps = arguments.steps or experiment.steps
    arguments.models = [{"name": name} | MODELS[name] for name in arguments.models or experiment.models]
    report(experiment.run(arguments.experiment, arguments), arguments.name or arguments.experiment)


if __name__ == "__main__":
    main()
