from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scgde._checks import check_count, check_interval, check_one_of, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, named, random_covariance_factors, set_of_each_cell

if TYPE_CHECKING:
    from anndata import AnnData


@checked_keywords
def gaussian_sets(
    n_sets: int = 100,
    n_cells: int | tuple[int, int] = 100,
    n_features: int = 2,
    *,
    prior: str = "inverse_wishart",
    df: float = 10,
    low: float = 0.0,
    high: float = 5.0,
    seed: int = 0,
) -> AnnData:
    """Sets of cells that are draws from Gaussians with known parameters.

    Parameters
    ----------
    n_sets
        Number of sets.
    n_cells
        Cells per set, or a range ``(low, high)``, both included, for ragged sets.
    n_features
        Dimensions ``G``.
    prior
        ``"inverse_wishart"``: each coordinate of the mean is uniform in ``[low, high]``, and the covariance
        is inverse Wishart with ``df`` degrees of freedom and scale matrix I, whose mean is ``I / (df - G -
        1)``. Distances between such sets are almost distances between means.
        ``"balanced"``: means uniform in [-1, 1], covariances randomly rotated with standard deviations along
        their axes uniform in [.2, 1.5], so that location and shape matter alike.
    df, low, high
        Parameters of the first prior.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with ``obs["set"]`` and ``uns["truth"]``: ``"mean"`` of shape ``(S, G)`` and ``"covariance"`` of
    shape ``(S, G, G)``, in the order of the categories of ``obs["set"]``.

    Examples
    --------
    >>> import scgde
    >>> scgde.datasets.gaussian_sets(5, 20, 3).shape
    (100, 3)
    """
    check_one_of(prior, "prior", ["balanced", "inverse_wishart"])
    n_features = check_count(n_features, "n_features")
    rng = check_seed(seed)
    codes = set_of_each_cell(n_sets, n_cells, rng)
    if prior == "balanced":
        mean = rng.uniform(-1, 1, size=(n_sets, n_features))
        factor = random_covariance_factors((n_sets,), n_features, (0.2, 1.5), rng)
    else:
        check_interval(low, high, "`low` and `high`")
        mean = rng.uniform(low, high, size=(n_sets, n_features))
        factor = _inverse_wishart_factors(n_sets, n_features, df, rng)
    noise = rng.standard_normal((len(codes), n_features))
    x = mean[codes] + np.einsum("nij,nj->ni", factor[codes], noise)
    truth = {"mean": mean, "covariance": factor @ factor.swapaxes(1, 2)}
    return cells_anndata(x, {"set": named("set", codes, n_sets)}, truth)


def _inverse_wishart_factors(n_sets: int, n_features: int, df: float, rng: np.random.Generator) -> np.ndarray:
    """Factors L with L L' inverse Wishart, scale I, shape ``(S, G, G)``."""
    if not df > n_features - 1:
        msg = f"`df` must be greater than `n_features - 1` = {n_features - 1}, got {df}."
        raise ValueError(msg)
    # Bartlett: A A' is Wishart, so the inverse of A' is a factor of the inverse.
    a = np.tril(rng.standard_normal((n_sets, n_features, n_features)), -1)
    axis = np.arange(n_features)
    a[:, axis, axis] = np.sqrt(rng.chisquare(df - axis, size=(n_sets, n_features)))
    return np.linalg.inv(a).swapaxes(1, 2)
