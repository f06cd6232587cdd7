"""Fitted, then changed: each verb gives the right answer, or refuses. None gives another one without a word."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from tests.changed.changes import ANEW, CHANGES, EITHER, REFUSED, SAME
from tests.changed.verbs import TRANSPORT_VERBS, VERBS

from scgde import tl

N_SETS, N_CELLS = 12, 30


def donors():
    """Donors with principal components of genes."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(N_SETS), N_CELLS)
    x = rng.normal(size=(N_SETS, 3))[codes] @ rng.normal(size=(3, 10)) * 2 + rng.normal(size=(len(codes), 10)) + 5
    obs = pd.DataFrame(
        {
            "donor": pd.Categorical([f"d{i:02d}" for i in codes]),
            "disease": pd.Categorical(np.where(np.arange(N_SETS) % 2, "ill", "healthy")[codes]),
            "age": rng.permutation(np.arange(30, 90))[codes],
        },
        index=[f"c{i}" for i in range(len(codes))],
    )
    adata = ad.AnnData(x.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"g{i}" for i in range(10)]))
    sc.pp.pca(adata, n_comps=4)
    return adata


@pytest.fixture(scope="module")
def fitted_once(fit):
    """Donors, fitted, with uncertainty."""
    adata = donors()
    fit(adata, "donor", max_steps=100, sets_per_batch=8, set_size=16, validation_fraction=0)
    tl.uncertainty(adata)
    return adata


@pytest.fixture(scope="module")
def transported_once(tiny):
    """The same with a fit of transports."""
    adata = donors()
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    options |= {"transport_kwargs": tiny["generator_kwargs"], "validation_fraction": 0, "key_added": "gde"}
    pairs = [[f"d{i:02d}", f"d{i + 6:02d}"] for i in range(6)]
    tl.fit_tde(adata, "donor", pairs=pairs, **options)
    return adata


def embedded_anew(adata, reference):
    """Sets of the cells that are there, embedded with the same model."""
    cells = ad.AnnData(adata.X, obs=adata.obs.drop(columns="gde_set"), var=adata.var)
    cells.obsm["X_pca"], cells.varm["PCs"] = adata.obsm["X_pca"], adata.varm["PCs"]
    tl.embed(cells, reference)
    if "covariance" in reference.uns["gde"]:
        tl.uncertainty(cells)
    return cells


def owed(change, verb):
    """The strictest of what a verb owes for all that it reads."""
    parts = [change.embeddings, *(getattr(change, name) for name in verb.reads)]
    return next((one for one in (REFUSED, EITHER, ANEW) if one in parts), SAME)


def assert_same(found, expected):
    if isinstance(expected, pd.DataFrame | pd.Series):
        found = found.reindex(expected.index)
        if isinstance(expected, pd.DataFrame):
            found = found.reindex(columns=expected.columns)
            text = expected.select_dtypes(exclude="number").columns
            assert (found[text].astype(str) == expected[text].astype(str)).all(axis=None)
            found, expected = (table.drop(columns=text) for table in (found, expected))
    np.testing.assert_allclose(np.asarray(found, dtype=float), np.asarray(expected, dtype=float), rtol=2e-2, atol=2e-3)


@pytest.fixture(scope="module")
def before(fitted_once):
    """What each verb gives before a change."""
    return {name: verb.call(fitted_once.copy()) for name, verb in VERBS.items()}


@pytest.fixture(scope="module")
def transported_before(transported_once):
    """The same of transports."""
    return {name: verb.call(transported_once.copy()) for name, verb in TRANSPORT_VERBS.items()}


@pytest.mark.parametrize("name", CHANGES)
def test_fitted_then_changed(name, fitted_once, before):
    assert_right_or_refused(CHANGES[name], fitted_once, VERBS, before)


@pytest.mark.parametrize("name", CHANGES)
def test_transport_fitted_then_changed(name, transported_once, transported_before):
    assert_right_or_refused(CHANGES[name], transported_once, TRANSPORT_VERBS, transported_before)


def assert_right_or_refused(change, fitted, verbs, before):
    failures, changed = [], fitted.copy()
    made = change.make(changed)
    changed = changed if made is None else made
    for verb_name, verb in verbs.items():
        what = owed(change, verb)
        try:
            found = verb.call(changed.copy() if not changed.is_view else changed)
        except (KeyError, ValueError) as error:
            if what not in (REFUSED, EITHER):
                failures.append(f"{verb_name} refused: {error}")
            continue
        if what == REFUSED:
            failures.append(f"{verb_name} gave an answer")
            continue
        expected = verb.call(embedded_anew(changed, fitted)) if what == ANEW else before[verb_name]
        try:
            assert_same(found, expected)
        except AssertionError as error:
            failures.append(f"{verb_name} gave another answer: {error}")
    assert not failures, "\n".join(failures)
