from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, named, random_covariance_factors, set_of_each_cell

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def gaussian_mixture_sets(
    n_sets: int = 100,
    n_cells: int | tuple[int, int] = 100,
    n_features: int = 2,
    *,
    n_components: int = 3,
    seed: int = 0,
) -> AnnData:
    """Sets of cells that are draws from mixtures of Gaussians with known parameters.

    Each set has its own mixture: weights uniform on the simplex, means uniform in [-2, 2], covariances
    randomly rotated with standard deviations along their axes uniform in [.1, .6].

    Parameters
    ----------
    n_sets
        Number of sets.
    n_cells
        Cells per set, or a range ``(low, high)``, both included, for ragged sets.
    n_features
        Dimensions ``G``.
    n_components
        Components ``K`` of each mixture.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with ``obs["set"]``, ``obs["component"]`` and ``uns["truth"]``: ``"weight"`` of shape ``(S, K)``,
    ``"mean"`` of shape ``(S, K, G)`` and ``"covariance"`` of shape ``(S, K, G, G)``, in the order of the
    categories of ``obs["set"]``.

    Examples
    --------
    >>> import scgde
    >>> scgde.datasets.gaussian_mixture_sets(5, 20, 2).shape
    (100, 2)
    """
    n_features = check_count(n_features, "n_features")
    n_components = check_count(n_components, "n_components")
    rng = check_seed(seed)
    codes = set_of_each_cell(n_sets, n_cells, rng)
    weight = rng.dirichlet(np.ones(n_components), size=n_sets)
    mean = rng.uniform(-2, 2, size=(n_sets, n_components, n_features))
    factor = random_covariance_factors((n_sets, n_components), n_features, (0.1, 0.6), rng)

    # The last cumulative weight may miss 1 by a rounding error.
    exceeded = rng.random((len(codes), 1)) > weight.cumsum(axis=1)[codes, :-1]
    component = exceeded.sum(axis=1)
    noise = rng.standard_normal((len(codes), n_features))
    x = mean[codes, component] + np.einsum("nij,nj->ni", factor[codes, component], noise)
    truth = {"weight": weight, "mean": mean, "covariance": factor @ factor.swapaxes(-1, -2)}
    obs = {"set": named("set", codes, n_sets), "component": named("component", component, n_components)}
    return cells_anndata(x, obs, truth)
