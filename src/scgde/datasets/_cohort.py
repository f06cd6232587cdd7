from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from scgde._checks import check_count, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import cells_anndata, names, set_of_each_cell

if TYPE_CHECKING:
    from anndata import AnnData

CELL_TYPES = ("type_a", "type_b", "type_c")
ATTRIBUTES = ("composition", "shift", "dispersion", "severity", "batch")
#: Mean proportions of the cell types by `composition`; a donor's own ones are Dirichlet around them.
PROPORTIONS = {"low_c": (0.5, 0.35, 0.15), "high_c": (0.35, 0.25, 0.4)}
PROPORTION_CONCENTRATION = 60.0
#: Standard deviation over cells of the log activity of the spread program, by `dispersion`.
SPREAD = {"narrow": 0.2, "wide": 1.0}
MARKER_LOG_FOLD = 2.0
SHIFT_LOG_FOLD = 0.6
SEVERITY_LOG_FOLD = 1.5
BATCH_SD = 0.3
DEPTH = (1000.0, 0.3)  # median counts of a cell, log-scale spread
NB_SIZE = 8.0  # variance = mean + mean^2 / NB_SIZE
MIN_GENES = 20


@checked_keywords
def cohort(
    n_donors: int = 60,
    *,
    n_genes: int = 200,
    n_cells: tuple[int, int] = (20, 400),
    n_batches: int = 3,
    seed: int = 0,
) -> AnnData:
    """Cohort of donors whose attributes each change their cells by one known effect.

    The attributes are independent of each other, and all but ``severity`` are balanced over donors:

    - ``composition`` (``"low_c"``, ``"high_c"``): proportions of the three cell types;
    - ``shift`` (``"control"``, ``"shifted"``): mean log expression of a tenth of the genes, in every cell
      type;
    - ``dispersion`` (``"narrow"``, ``"wide"``): cell-to-cell spread along a program of a tenth of the genes,
      at equal means;
    - ``severity`` in [0, 1]: log expression of a tenth of the genes, in the cells of ``"type_a"`` only;
    - ``batch``, a nuisance: a factor of its own for every gene.

    Counts are negative binomial.

    Parameters
    ----------
    n_donors
        Number of donors.
    n_genes
        Number of genes, at least 20.
    n_cells
        Range ``(low, high)``, both included, of the cells of a donor.
    n_batches
        Number of batches; 1 leaves out the nuisance.
    seed
        Seed of everything drawn.

    Returns
    -------
    Cells with log-normalised ``X`` and ``layers["counts"]``, both CSR; ``obs``: ``donor``, ``cell_type`` and
    the attributes; ``var["program"]``: the attribute that acts on the gene, or ``"none"``; ``uns["truth"]``:
    one row per donor with the attributes and the true proportions of the cell types.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.cohort(6)
    >>> adata.obs["donor"].nunique()
    6
    """
    n_donors = check_count(n_donors, "n_donors", minimum=2)
    n_genes = check_count(n_genes, "n_genes", minimum=MIN_GENES)
    n_batches = check_count(n_batches, "n_batches")
    rng = check_seed(seed)
    donor = set_of_each_cell(n_donors, n_cells, rng)
    donors = _donors(n_donors, n_batches, rng)
    cell_type = _cell_types(donors, donor, rng)
    program = _programs(n_genes, rng)
    log_rate = _log_rate(donors, donor, cell_type, program, rng)
    counts = _counts(log_rate, rng)

    obs = {
        "donor": pd.Categorical.from_codes(donor, donors.index),
        "cell_type": pd.Categorical.from_codes(cell_type, pd.Index(CELL_TYPES)),
    }
    obs |= {name: donors[name].array[donor] for name in ATTRIBUTES}
    adata = cells_anndata(_log_normalized(counts), obs, donors, feature="gene")
    adata.layers["counts"] = counts
    adata.var["program"] = pd.Categorical(program)
    return adata


def _donors(n_donors: int, n_batches: int, rng: np.random.Generator) -> pd.DataFrame:
    def balanced(values: list[str]) -> pd.Categorical:
        return pd.Categorical(rng.permutation(np.resize(values, n_donors)), categories=values)

    table = pd.DataFrame(
        {
            "composition": balanced(list(PROPORTIONS)),
            "shift": balanced(["control", "shifted"]),
            "dispersion": balanced(list(SPREAD)),
            "severity": rng.random(n_donors),
            "batch": balanced(list(names("batch", n_batches))),
        },
        index=names("donor", n_donors),
    )
    center = np.array(list(PROPORTIONS.values()))[table["composition"].cat.codes]
    gamma = rng.standard_gamma(center * PROPORTION_CONCENTRATION)  # normalised, these are Dirichlet
    table[list(CELL_TYPES)] = gamma / gamma.sum(axis=1, keepdims=True)
    return table


def _cell_types(donors: pd.DataFrame, donor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    cumulative = donors[list(CELL_TYPES)].to_numpy().cumsum(axis=1)
    return (rng.random((len(donor), 1)) > cumulative[donor, :-1]).sum(axis=1)


def _programs(n_genes: int, rng: np.random.Generator) -> np.ndarray:
    """What acts on each gene: a tenth of the genes for each attribute and each cell type."""
    program = np.full(n_genes, "none", dtype=object)
    size = n_genes // 10
    genes = rng.permutation(n_genes)
    for i, name in enumerate(("shift", "dispersion", "severity", *CELL_TYPES)):
        program[genes[i * size : (i + 1) * size]] = name
    return program


def _log_rate(
    donors: pd.DataFrame,
    donor: np.ndarray,
    cell_type: np.ndarray,
    program: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Log expression of each cell and gene, before sequencing, shape ``(n_obs, n_genes)``."""
    n_genes = len(program)
    sign = rng.choice([-1.0, 1.0], size=n_genes)
    batch = BATCH_SD * rng.standard_normal((donors["batch"].nunique(), n_genes))
    batch -= batch.mean(axis=0)
    log_rate = rng.normal(0, 0.7, size=n_genes) + batch[donors["batch"].cat.codes][donor]
    for code, name in enumerate(CELL_TYPES):
        log_rate += np.outer(cell_type == code, MARKER_LOG_FOLD * (program == name))

    shifted = (donors["shift"] == "shifted").to_numpy()[donor]
    log_rate += np.outer(shifted, SHIFT_LOG_FOLD * sign * (program == "shift"))
    severity = donors["severity"].to_numpy()[donor] * (cell_type == 0)
    log_rate += np.outer(severity, SEVERITY_LOG_FOLD * sign * (program == "severity"))
    spread = donors["dispersion"].map(SPREAD).to_numpy(dtype=float)[donor]
    activity = spread * rng.standard_normal(len(donor))
    # Minus half the variance: the mean expression is the same, narrow or wide.
    spreads = program == "dispersion"
    log_rate += np.outer(activity, sign * spreads) - np.outer(spread**2 / 2, spreads)
    return log_rate


def _counts(log_rate: np.ndarray, rng: np.random.Generator) -> sparse.csr_matrix:
    median, sd = DEPTH
    rate = np.exp(log_rate)
    depth = median * np.exp(sd * rng.standard_normal((len(rate), 1)))
    # Depth per mean total, not per own total: a change in some genes leaves the others' means as they are.
    expected = depth * rate / rate.sum(axis=1).mean()
    counts = rng.poisson(expected * rng.gamma(NB_SIZE, 1 / NB_SIZE, size=rate.shape))
    return sparse.csr_matrix(counts.astype(np.int32))


def _log_normalized(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    total = np.asarray(counts.sum(axis=1)).ravel()
    scale = np.median(total) / np.maximum(total, 1)
    return sparse.csr_matrix(sparse.diags(scale) @ counts).log1p()
