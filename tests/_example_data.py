"""Small data that examples of docstrings run on, by the name that they give it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import scanpy as sc

import scgde

if TYPE_CHECKING:
    from anndata import AnnData

NETWORK = {"n_steps": 4, "backbone_kwargs": {"n_hidden": 16, "n_layers": 1}}
#: Options of fits that take about a second.
TINY: dict[str, Any] = {
    "max_steps": 10,
    "sets_per_batch": 8,
    "set_size": 8,
    "progress_bar": False,
    "accelerator": "cpu",
}


@functools.cache
def _adata() -> AnnData:
    """A cohort of donors with a fit of embeddings."""
    adata = scgde.datasets.cohort(20, n_genes=20, n_cells=(20, 40), n_batches=2)
    sc.pp.pca(adata, n_comps=8)
    number = adata.obs["donor"].cat.codes
    adata.obs["part"] = np.select([number % 5 == 0, number % 5 == 1], ["test", "validation"], "train")
    scgde.tl.fit_gde(adata, "donor", split_key="part", n_latent=4, moments=False, generator_kwargs=NETWORK, **TINY)
    return adata


@functools.cache
def _clones() -> AnnData:
    """Clones at three times with a fit of transports."""
    adata = scgde.datasets.clones(20, paired_fraction=0.5, unlabeled_fraction=0.05, n_features=4, seed=0)
    number = adata.obs["clone"].cat.codes
    adata.obs["part"] = np.select([number % 3 == 0, number % 10 == 1], ["test", "validation"], "train")
    options = TINY | {"n_latent": 4, "min_cells": 1, "predictor": "ridge", "transport_kwargs": NETWORK}
    scgde.tl.fit_tde(adata, "clone", time_key="time", split_key="part", **options)
    return adata


@functools.cache
def _screen() -> AnnData:
    """A screen of single and double perturbations with a fit of transports."""
    adata = scgde.datasets.perturbations(n_singles=6, n_doubles=4, n_cells=20, n_control=60)
    options = TINY | {"n_latent": 4, "predictor": "additive", "transport_kwargs": NETWORK}
    held_out = adata.obs["perturbation"].isin(["p_4", "p_1+p_5"])
    adata.obs["part"] = np.where(held_out, "test", "train")
    pairs = scgde.pp.perturbation_pairs(adata, "perturbation", "control")
    scgde.tl.fit_tde(adata, "perturbation", pairs=pairs, split_key="part", **options)
    return adata


@functools.cache
def _sequences() -> AnnData:
    """Repertoires of sequences with a fit of embeddings."""
    adata = scgde.datasets.sequence_multinomial_sets(10, 20, length=8)
    scgde.pp.tokenize(adata, "sequence")
    scgde.tl.fit_gde(adata, "set", use_rep="X_tokens", n_latent=4, **TINY)
    return adata


FITTED = {"adata": _adata, "clones": _clones, "screen": _screen, "repertoires": _sequences}


def namespace(source: str) -> dict[str, Any]:
    """Names that an example of this text may use; fits are copies."""
    return {name: fitted().copy() for name, fitted in FITTED.items() if name in source}
