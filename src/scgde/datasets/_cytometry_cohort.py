from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scgde._checks import check_count, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, named, names, set_of_each_cell

if TYPE_CHECKING:
    from anndata import AnnData

N_STATES, N_SHIFTS, N_STRETCHES, N_FACTORS = 5, 8, 4, 6
#: Scale of the first direction in which donors differ, and the ratio of the scale of each direction to the one before.
SHIFT, DECAY = 1.0, 0.8
#: Shift of the states of a donor on their own, relative to that of all its cells.
OWN_SHIFT = 0.5
#: The seed of what is common to all cohorts: where states are, and how donors may differ.
WORLD = 7


@checked_keywords
def cytometry_cohort(
    n_donors: int = 40, *, n_markers: int = 40, n_cells: int | tuple[int, int] = (300, 2000), seed: int = 0
) -> AnnData:
    """Cohort of donors that are far apart: mass cytometry of a disease in which every patient is another one.

    The cells of a donor are a mixture of five states with proportions of its own. Its states are shifted along few
    directions, together and, half as far, each on its own; its markers are stretched. With tens of donors, a new one is
    unlike all others: the baseline to be better than is the mean of its cells, not that of the cohort.

    Parameters
    ----------
    n_donors
        Number of donors.
    n_markers
        Number of markers.
    n_cells
        Cells of each donor, a number or a range ``(low, high)``, both included.
    seed
        Random seed of the donors. Where states are, and along what donors may differ, is the same for all seeds.

    Returns
    -------
    Intensities as after ``arcsinh`` in ``X``, ``obs["donor"]`` and ``obs["state"]``; ``uns["truth"]`` has the
    proportions of the states, one row per donor.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cytometry_cohort(8, n_markers=10, n_cells=50)
    >>> model = scgde.tl.fit_gde(adata, "donor")
    """
    n_markers = check_count(n_markers, "n_markers")
    world, rng = np.random.default_rng(WORLD), check_seed(seed)
    donor = set_of_each_cell(n_donors, n_cells, rng)
    scales = SHIFT * DECAY ** np.arange(N_SHIFTS) / np.sqrt(N_SHIFTS)
    directions = world.standard_normal((N_SHIFTS, n_markers)) * scales[:, None]
    stretches = 0.12 * world.standard_normal((N_STRETCHES, n_markers))
    level = world.gamma(2.0, 0.6, n_markers)
    states = 1.1 * world.standard_normal((N_STATES, n_markers)) * (world.random((N_STATES, n_markers)) < 0.4)
    factors = 0.45 / np.sqrt(N_FACTORS) * world.standard_normal((N_STATES, N_FACTORS, n_markers))
    noise = world.uniform(0.15, 0.5, n_markers)

    proportions = rng.dirichlet(np.full(N_STATES, 1.5), n_donors)
    above = rng.random(len(donor))[:, None] > proportions.cumsum(axis=1)[donor]
    state = above[:, :-1].sum(axis=1)
    shift = rng.standard_normal((n_donors, N_SHIFTS)) @ directions
    own_shift = OWN_SHIFT * rng.standard_normal((n_donors, N_STATES, N_SHIFTS)) @ directions
    stretch = np.exp(rng.standard_normal((n_donors, N_STRETCHES)) @ stretches)
    inner = np.einsum("nr,nrg->ng", rng.standard_normal((len(donor), N_FACTORS)), factors[state])
    inner += noise * rng.standard_normal(inner.shape)
    x = level + states[state] + shift[donor] + own_shift[donor, state] + stretch[donor] * inner
    # A soft floor: intensities are not negative.
    x = np.logaddexp(0, 4 * x) / 4
    truth = pd.DataFrame(proportions, index=names("donor", n_donors), columns=names("state", N_STATES))
    obs = {"donor": named("donor", donor, n_donors), "state": named("state", state, N_STATES)}
    return cells_anndata(x, obs, truth, feature="marker")
