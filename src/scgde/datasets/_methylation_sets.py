from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from scgde._checks import check_count, check_fraction, check_seed
from scgde._hints import checked_keywords
from scgde.datasets._common import named, names

#: Methylated and unmethylated cytosine of a CpG, and any other base.
_LETTERS = np.array(list("CTN"))
_METHYLATED, _UNMETHYLATED, _OTHER = range(3)
_N_HAPLOTYPES = 3
#: Share of methylated CpGs in a haplotype that tissues have in common, and of a tissue's own haplotype among reads.
_SHARE_METHYLATED, _SHARE_OWN = 0.7, 0.9
#: How alike two samples of a tissue are: pseudo-observations of the shares of haplotypes.
_CONCENTRATION = 30.0


@checked_keywords
def methylation_sets(
    n_tissues: int = 10,
    n_samples: int = 6,
    n_reads: int = 1000,
    *,
    n_regions: int = 1000,
    n_markers: int = 30,
    length: int = 128,
    error: float = 0.02,
    seed: int = 0,
) -> AnnData:
    """Sets of bisulfite sequencing reads: a sample is a mixture of haplotypes in each region, by its tissue.

    A region has 6 to 12 CpGs at places of its own, and three haplotypes, which of these are methylated together. All
    tissues mix them in the same shares, except in the marker regions of a tissue: there nine reads of ten have a
    haplotype of its own, without methylation.

    Parameters
    ----------
    n_tissues
        Number of tissues.
    n_samples
        Samples of each tissue. A sample is a set.
    n_reads
        Reads of each sample, from regions at random: with fewer reads than regions most are seen once or never.
    n_regions
        Number of regions.
    n_markers
        Marker regions of each tissue, which are those of no other.
    length
        Bases of a read, 32 or more.
    error
        Probability that the state of a CpG is misread.
    seed
        Seed of everything drawn.

    Returns
    -------
    Reads without ``X``: ``obs["sequence"]``, text of ``"C"`` (methylated), ``"T"`` (unmethylated) and ``"N"`` (no CpG);
    ``obs["region"]``, ``obs["sample"]`` and ``obs["tissue"]``; ``uns["truth"]["markers"]``, indices of the marker
    regions of each tissue, shape ``(n_tissues, n_markers)``.

    Raises
    ------
    ValueError
        If a number is out of range, or there are more markers than regions.

    Examples
    --------
    >>> import scgde
    >>> adata = scgde.datasets.methylation_sets(2, 3, 50)
    >>> scgde.pp.tokenize(adata, "sequence", alphabet="CTN")
    >>> adata.obsm["X_tokens"].shape
    (300, 128)
    """
    rng, error = check_seed(seed), check_fraction(error, "error")
    n_tissues, n_samples = check_count(n_tissues, "n_tissues"), check_count(n_samples, "n_samples")
    markers = _markers(n_tissues, n_markers, n_regions, rng)
    states = _haplotypes(n_regions, check_count(length, "length", minimum=32), rng)
    shares = _shares(markers, n_samples, n_regions, rng)
    sample = np.repeat(np.arange(n_tissues * n_samples), check_count(n_reads, "n_reads"))
    region = rng.integers(n_regions, size=len(sample))
    haplotype = (rng.random((len(sample), 1)) > shares[sample, region].cumsum(axis=1)[:, :-1]).sum(axis=1)
    letters = _LETTERS[_misread(states[region, haplotype], error, rng)]
    obs = {
        "sequence": np.array(["".join(row) for row in letters], dtype=object),
        "region": named("region", region, n_regions),
        "sample": named("sample", sample, n_tissues * n_samples),
        "tissue": named("tissue", sample // n_samples, n_tissues),
    }
    return AnnData(obs=pd.DataFrame(obs, index=names("read", len(sample))), uns={"truth": {"markers": markers}})


def _markers(n_tissues: int, n_markers: int, n_regions: int, rng: np.random.Generator) -> np.ndarray:
    """Regions of each tissue, of which no two have one in common."""
    n = n_tissues * check_count(n_markers, "n_markers", minimum=0)
    if n > check_count(n_regions, "n_regions"):
        msg = f"`n_regions` must be at least n_tissues * n_markers = {n}, got {n_regions}."
        raise ValueError(msg)
    return rng.permutation(n_regions)[:n].reshape(n_tissues, n_markers)


def _haplotypes(n_regions: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """Letters of the common haplotypes, and of the one without methylation, shape ``(R, n_haplotypes + 1, length)``."""
    n_sites = rng.integers(6, 13, size=(n_regions, 1))
    is_site = rng.random((n_regions, length)).argsort(axis=1).argsort(axis=1) < n_sites
    methylated = rng.random((n_regions, _N_HAPLOTYPES + 1, length)) < _SHARE_METHYLATED
    methylated[:, -1] = False
    return np.where(is_site[:, None], np.where(methylated, _METHYLATED, _UNMETHYLATED), _OTHER)


def _shares(markers: np.ndarray, n_samples: int, n_regions: int, rng: np.random.Generator) -> np.ndarray:
    """Of each haplotype in each sample and region, shape ``(n_tissues * n_samples, R, n_haplotypes + 1)``."""
    common = np.pad(rng.dirichlet(np.ones(_N_HAPLOTYPES), size=n_regions), ((0, 0), (0, 1)))
    own = np.eye(_N_HAPLOTYPES + 1)[-1]
    mean = np.repeat(common[None], len(markers), axis=0)
    for of_tissue, regions in zip(mean, markers, strict=True):
        of_tissue[regions] = _SHARE_OWN * own + (1 - _SHARE_OWN) * of_tissue[regions]
    drawn = rng.standard_gamma(_CONCENTRATION * np.repeat(mean, n_samples, axis=0))
    return drawn / drawn.sum(axis=-1, keepdims=True)


def _misread(letters: np.ndarray, error: float, rng: np.random.Generator) -> np.ndarray:
    wrong = (letters != _OTHER) & (rng.random(letters.shape) < error)
    return np.where(wrong, 1 - letters, letters)
