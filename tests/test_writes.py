"""The table of docs/conventions.md on what functions return and write, held against what they do."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from tests._example_data import TINY, namespace

from scgde import get, pp, tl
from scgde.tl import Explanation, GroupComparison, PerturbationScores, SetComparison

PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
ROW = r"^\| \{func\}`((?:pp|tl|get)\.\w+) <scgde\.\1>` \| (.+) \| (.*) \|$"
ROWS = re.findall(ROW, PAGE.read_text("utf-8"), re.MULTILINE)
TABLE = {name: (returned, set(re.findall(r"`([^`]+)`", written))) for name, returned, written in ROWS}
PUBLIC = [f"{module.__name__[6:]}.{name}" for module in (pp, tl, get) for name in module.__all__ if name[0].islower()]
RETURNED = {
    "AnnData": ad.AnnData,
    "model": object,
    "DataFrame": pd.DataFrame,
    "Series": pd.Series,
    "None": type(None),
    "`tl.Explanation`": Explanation,
    "`tl.GroupComparison`": GroupComparison,
    "`tl.PerturbationScores`": PerturbationScores,
    "`tl.SetComparison`": SetComparison,
}
FEW = {"n_permutations": 19, "seed": 0}
NETWORK = {"n_steps": 2, "backbone_kwargs": {"n_hidden": 8, "n_layers": 1}}
#: What was called before.
PREPARED = {"measured": tl.uncertainty, "grouped": lambda a: pp.make_sets(a, "donor")}
#: By which later calls know what was fitted, and which columns are theirs.
BOOKKEEPING = {"own_columns", "fingerprint"}
#: Of the calls below, and what the table has for them.
NAMES = {
    "new": "{key_added}",
    "gde": "{key}",
    "tde": "{key}",
    "shift": "{label_key}",
    "probability_(control|shifted)": "probability_<class>",
}
#: Of each function, the data of the examples and a short call.
CALLS = {
    "pp.make_sets": ("adata", lambda a: pp.make_sets(a, "donor", key_added="new")),
    "pp.split_sets": ("grouped", lambda a: pp.split_sets(a, key_added="new")),
    "pp.set_weights": ("adata", lambda a: pp.set_weights(a, "severity", key="gde", key_added="new")),
    "pp.tokenize": ("repertoires", lambda a: pp.tokenize(a, "sequence", key_added="new")),
    "pp.perturbation_pairs": ("screen", lambda a: pp.perturbation_pairs(a, "perturbation", "control")),
    "pp.write_sets": ("adata", lambda a: pp.write_sets(a, "sets.h5ad", "donor")),
    "tl.fit_gde": ("adata", lambda a: tl.fit_gde(a, "donor", key_added="new", generator_kwargs=NETWORK, **TINY)),
    "tl.fit_tde": (
        "clones",
        lambda a: tl.fit_tde(a, "clone", time_key="time", min_cells=1, predictor="ridge", key_added="new", **TINY),
    ),
    "tl.fit_predictor": ("clones", lambda a: tl.fit_predictor(a, "mlp")),
    "tl.fit_decoder": ("adata", lambda a: tl.fit_decoder(a, "counts", max_steps=5)),
    "tl.embed": ("adata", lambda a: tl.embed(a, a.copy(), key_added="new")),
    "tl.generate": ("adata", lambda a: tl.generate(a, n_cells=3)),
    "tl.interpolate": ("adata", lambda a: tl.interpolate(a, "donor_00", "donor_01", n_cells=3)),
    "tl.log_likelihood": ("repertoires", lambda a: tl.log_likelihood(a, "set_0")),
    "tl.score_generation": ("adata", tl.score_generation),
    "tl.uncertainty": ("adata", tl.uncertainty),
    "tl.convergence": ("adata", lambda a: tl.convergence(a, sets="donor_00", sizes=(5,), n_draws=2)),
    "tl.compare_sets": ("measured", lambda a: tl.compare_sets(a, "donor_00", "donor_01")),
    "tl.compare_all_sets": ("measured", tl.compare_all_sets),
    "tl.distances": ("adata", lambda a: tl.distances(a, metric="embedding")),
    "tl.compare_groups": ("adata", lambda a: tl.compare_groups(a, "shift", **FEW)),
    "tl.compare_all_groups": ("adata", lambda a: tl.compare_all_groups(a, ["shift"], **FEW)),
    "tl.associate": ("adata", lambda a: tl.associate(a, ["shift"], **FEW)),
    "tl.classify": ("adata", lambda a: tl.classify(a, "shift", n_splits=2, n_repeats=1, baselines=False)),
    "tl.evaluate_embedding": ("adata", lambda a: tl.evaluate_embedding(a, label_key="shift", n_draws=9, **FEW)),
    "tl.explain": ("adata", lambda a: tl.explain(a, "donor_00", "donor_01", n_cells=9, n_steps=2)),
    "tl.transport": ("clones", lambda a: tl.transport(a, "clone_02|2", "clone_02|4")),
    "tl.forecast": ("clones", lambda a: tl.forecast(a, "clone_02|2", to=4, n_draws=2)),
    "tl.evaluate_transport": ("clones", lambda a: tl.evaluate_transport(a, n_draws=2, metric="energy")),
    "tl.predict_perturbations": ("screen", lambda a: tl.predict_perturbations(a, "p_0+p_1")),
    "tl.evaluate_perturbations": ("screen", tl.evaluate_perturbations),
    "get.modality": ("adata", lambda a: get.modality(SimpleNamespace(mod={"rna": a}, obs=a.obs), "rna")),
    "get.table": ("adata", lambda a: get.table(SimpleNamespace(tables={"table": a}))),
    "get.sets": ("adata", get.sets),
    "get.perturbation_effects": ("screen", get.perturbation_effects),
}


def test_every_function_is_in_the_table():
    assert sorted(TABLE) == sorted(PUBLIC) == sorted(CALLS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_function_returns_and_writes_what_the_table_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, call = CALLS[name]
    adata = data_of(data)
    before = adata.copy()
    result = call(adata)
    returned, written = TABLE[name]
    assert isinstance(result, RETURNED[returned])
    assert changed(before, adata) == written - {"file"}
    assert [path.name for path in tmp_path.iterdir()] == (["sets.h5ad"] if "file" in written else [])


def data_of(name):
    """Data of the examples, on which another function was called where that is needed."""
    needed = PREPARED.get(name)
    if needed is None:
        return namespace(name)[name]
    adata = namespace("adata")["adata"]
    needed(adata)
    return adata


def changed(before, after):
    """Entries that are new or have other values, under names with placeholders as in the table."""
    found = set()
    for part in ("obs", "var", "obsm", "obsp", "layers", "varm"):
        names = differing(dict(getattr(before, part)), dict(getattr(after, part)))
        found |= {f'{part}["{name}"]' for name in names}
    for key in differing(before.uns, after.uns):
        names = differing(before.uns.get(key, {}), after.uns[key]) - BOOKKEEPING
        found |= {f'uns["{key}"]["{name}"]' for name in names}
    return {placeholders(name) for name in found}


def differing(old, new):
    return {name for name in new if not (name in old and same(old[name], new[name]))}


def placeholders(name):
    for one, placeholder in NAMES.items():
        name = re.sub(rf"(?<=[\"_]){one}(?=[\"_])", placeholder, name)
    return name


def same(a, b):
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, pd.DataFrame | pd.Series):
        return a.equals(b)
    a, b = (one.toarray() if sparse.issparse(one) else np.asarray(one) for one in (a, b))
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
