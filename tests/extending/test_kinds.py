"""Counts, tokens and images as kinds of cells outside the package: three files each, and nothing in `src` changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from scgde import tl
from scgde.data.representations import REPRESENTATIONS
from scgde.nn import FEATURIZERS, GENERATORS

if TYPE_CHECKING:
    from collections.abc import Callable

N_CELLS = 60
TINY: dict[str, Any] = {
    "n_latent": 4,
    "sets_per_batch": 16,
    "set_size": 30,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 32},
    "train_kwargs": {"lr": 0.01, "target_size": 16},
}


class Kind(NamedTuple):
    """A kind of cells: its files, cells with a known truth, how it is fitted, and numbers that describe a cell."""

    files: tuple[str, ...]
    simulate: Callable[[np.ndarray, np.random.Generator], ad.AnnData]
    fit: dict[str, Any]
    describe: Callable[[ad.AnnData], np.ndarray]
    spoil: Callable[[ad.AnnData], None]
    refused: str


def simulate_counts(position: np.ndarray, rng: np.random.Generator) -> ad.AnnData:
    """Six genes, the first two of which have shares by the position of the set; cells differ in depth."""
    logits = np.concatenate([2 * position, np.tile([0.0, 0.3, 0.6, 0.9], (len(position), 1))], axis=1)
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    depth = 100 * np.exp(0.3 * rng.standard_normal((len(position), 1)))
    counts = sparse.csr_matrix(rng.poisson(depth * share).astype(np.int32))
    return ad.AnnData(var=pd.DataFrame(index=[f"gene_{i}" for i in range(6)]), layers={"counts": counts})


def simulate_tokens(position: np.ndarray, rng: np.random.Generator) -> ad.AnnData:
    """Eight letters, two of them with a share by the position of the set; half of the letters repeat the one before."""
    logits = np.concatenate([2 * position, np.tile([0.0, 0.5], (len(position), 1))], axis=1)
    below = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :-1]
    letters = (rng.random((len(position), 8, 1)) > below[:, None]).sum(axis=-1)
    for i in range(1, 8):
        repeats = rng.random(len(letters)) < 0.5
        letters[repeats, i] = letters[repeats, i - 1]
    return ad.AnnData(obsm={"barcode": letters.astype(np.uint8)}, uns={"alphabet": "ACGT"})


def simulate_images(position: np.ndarray, rng: np.random.Generator) -> ad.AnnData:
    """A spot near the position of the set."""
    center = 3.5 + 1.2 * position + 0.3 * rng.standard_normal(position.shape)
    square = np.square(np.moveaxis(np.indices((8, 8)), 0, -1) - center[:, None, None]).sum(axis=-1)
    return ad.AnnData(obsm={"images": np.exp(-square / 3)[:, None].astype(np.float32)})


def share_of_letters(adata: ad.AnnData) -> np.ndarray:
    return np.stack([(adata.obsm["barcode"] == i).mean(axis=1) for i in range(4)], axis=1)


def spoil_counts(adata: ad.AnnData) -> None:
    adata.layers["counts"] = adata.layers["counts"] * 0.5


def spoil_tokens(adata: ad.AnnData) -> None:
    adata.obsm["barcode"][0, 0] = 4


def spoil_images(adata: ad.AnnData) -> None:
    adata.obsm["images"][0, 0, 0, 0] = np.nan


KINDS = {
    "counts": Kind(
        ("representation", "transform", "generator"),
        simulate_counts,
        {"layer": "counts", "max_steps": 120},
        lambda adata: adata.layers["counts"].toarray(),
        spoil_counts,
        "must hold whole numbers of at least 0",
    ),
    "tokens": Kind(
        ("representation", "featurizer", "generator"),
        simulate_tokens,
        {"use_rep": "barcode", "max_steps": 120},
        share_of_letters,
        spoil_tokens,
        "must hold whole numbers from 0 to 3",
    ),
    "images": Kind(
        ("representation", "featurizer", "backbone"),
        simulate_images,
        {"use_rep": "images", "max_steps": 120, "generator_kwargs": {"n_steps": 4}},
        lambda adata: adata.obsm["images"].reshape(adata.n_obs, -1),
        spoil_images,
        "must hold finite numbers",
    ),
}


def simulate(kind: str, n_sets: int, seed: int) -> tuple[ad.AnnData, np.ndarray]:
    """Cells of sets, and the positions by which sets differ ``(n_sets, 2)``."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(-1, 1, size=(n_sets, 2))
    adata = KINDS[kind].simulate(np.repeat(position, N_CELLS, axis=0), rng)
    adata.obs["set"] = [f"set_{i:02d}" for i in np.repeat(np.arange(n_sets), N_CELLS)]
    return adata, position


def fit(kind: str, adata: ad.AnnData, **options: Any) -> None:
    tl.fit_gde(adata, "set", cells=f"my_{kind}", **{**TINY, **KINDS[kind].fit, **options})


@pytest.fixture(scope="module", autouse=True)
def kinds(registered):
    """The files of all kinds, imported for the tests of this module."""
    with registered(*(f"{name}/{file}.py" for name, kind in KINDS.items() for file in kind.files)):
        yield


@pytest.fixture(scope="module", params=KINDS)
def kind(request, kinds) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted_once(kind) -> ad.AnnData:
    adata, _ = simulate(kind, 60, seed=0)
    fit(kind, adata)
    return adata


@pytest.fixture
def fitted(fitted_once) -> ad.AnnData:
    return fitted_once.copy()


@pytest.fixture
def describe(kind):
    """Mean description of the cells of each set, in the order of their names."""

    def means(adata, column="set"):
        return pd.DataFrame(KINDS[kind].describe(adata)).groupby(adata.obs[column].to_numpy()).mean().to_numpy()

    return means


def test_generated_cells_follow_their_sets(kind, fitted, describe, r2):
    generated = tl.generate(fitted, n_cells=100)
    assert r2(describe(generated), describe(fitted)) > 0.5


def test_generated_cells_of_new_sets_follow_them_after_a_round_trip(kind, fitted, round_trip, describe, r2):
    again, (new, _) = round_trip(fitted), simulate(kind, 30, seed=1)
    tl.embed(new, again)
    generated = tl.generate(new, n_cells=100, seed=1)
    assert r2(describe(generated), describe(new)) > 0.5
    tl.embed(new, fitted)
    for cells in (tl.generate(new, n_cells=100, seed=1), tl.generate(round_trip(new), n_cells=100, seed=1)):
        np.testing.assert_array_equal(KINDS[kind].describe(cells), KINDS[kind].describe(generated))


def test_generated_cells_are_of_the_kind(kind, fitted, round_trip):
    generated = round_trip(tl.generate(fitted, ["set_03", "set_01"], n_cells=10))
    assert generated.obs["set"].astype(str).tolist() == ["set_03"] * 10 + ["set_01"] * 10
    if kind == "counts":
        assert generated.X.dtype.kind == "i"
        assert generated.var_names.tolist() == fitted.var_names.tolist()
        assert generated.X.min() >= 0
    elif kind == "tokens":
        written = ["".join("ACGT"[i] for i in row) for row in generated.obsm["barcode"]]
        assert generated.obs["sequence"].tolist() == written
        assert {len(sequence) for sequence in written} == {8}
    else:
        assert generated.obsm["images"].shape == (20, 1, 8, 8)
        assert generated.obsm["images"].dtype == np.float32


def test_embedding_has_standard_errors(kind, fitted):
    tl.uncertainty(fitted)
    errors, embedding = fitted.uns["gde"]["standard_error"], fitted.uns["gde"]["embedding"]
    assert (errors > 0).all()
    # Sets are told apart: the embedding varies more between them than by the draw of cells.
    assert np.square(errors).mean() < 0.5 * embedding.var(axis=0).mean()
    assert np.isfinite(tl.distances(fitted, metric="mahalanobis").to_numpy()).all()


def test_generation_beats_the_cells_of_all_sets(kind, fitted):
    scores = tl.score_generation(fitted, n_repeats=2)
    assert len(scores) == 6
    assert scores["generated"].mean() < 0.6 * scores["pooled"].mean()


def test_path_between_sets_goes_from_one_to_the_other(kind, fitted, describe):
    means = describe(fitted)
    first, last = np.unravel_index(np.square(means[:, None] - means).sum(axis=-1).argmax(), (60, 60))
    path = tl.interpolate(fitted, f"set_{first:02d}", f"set_{last:02d}", n_steps=5, n_cells=200)
    progress = (describe(path, "t") - means[first]) @ (means[last] - means[first])
    progress /= np.square(means[last] - means[first]).sum()
    assert (np.diff(progress) > 0).all()
    assert progress[0] < 0.3
    assert progress[-1] > 0.7


@pytest.mark.parametrize("metric", ["embedding", "energy"])
def test_distances_of_sets_follow_their_positions(kind, fitted, metric):
    square = tl.distances(fitted, metric=metric, n_cells=50).to_numpy()
    _, position = simulate(kind, 60, seed=0)
    truth = np.linalg.norm(position[:, None] - position, axis=-1)
    upper = np.triu_indices(60, k=1)
    assert np.corrcoef(square[upper], truth[upper])[0, 1] > 0.5


def test_difference_of_two_sets_is_explained_in_ground_coordinates(kind, fitted, describe):
    means = describe(fitted)
    first, last = np.unravel_index(np.square(means[:, None] - means).sum(axis=-1).argmax(), (60, 60))
    explained = tl.explain(fitted, f"set_{first:02d}", f"set_{last:02d}", n_cells=200, n_steps=3)
    assert explained.parts.sum() == pytest.approx(explained.total)
    assert explained.total > 10 * explained.floor
    features, path = explained.features, explained.path
    assert len(features) == {"counts": 6, "tokens": 8 * 4, "images": 64}[kind]
    # Pixels that hardly vary are noise in their own standard deviations.
    most = features.nlargest(len(features) // 2, "total")
    observed, generated = most["mean_b"] - most["mean_a"], (path.iloc[-1] - path.iloc[0])[most.index]
    assert observed @ generated > 0.7 * np.linalg.norm(observed) * np.linalg.norm(generated)


def test_learns_what_letters_follow_each_other(kinds):
    adata, _ = simulate("tokens", 60, seed=0)
    fit("tokens", adata)
    repeats = [
        float((cells.obsm["barcode"][:, 1:] == cells.obsm["barcode"][:, :-1]).mean())
        for cells in (tl.generate(adata, n_cells=100), adata)
    ]
    shuffled = float(np.square(share_of_letters(adata)).sum(axis=1).mean())
    assert abs(repeats[0] - repeats[1]) < 0.5 * (repeats[1] - shuffled)


class TestWithoutAFit:
    def test_a_kind_is_three_files(self, kind):
        assert len(KINDS[kind].files) == 3

    def test_what_is_stored_is_read_again(self, kind):
        adata, _ = simulate(kind, 3, seed=0)
        options = {name: KINDS[kind].fit.get(name) for name in ("use_rep", "layer")}
        cls = REPRESENTATIONS[f"my_{kind}"]
        representation = cls.from_adata(adata, **options)
        config, arrays = representation.to_stored()
        assert cls.from_stored(json.loads(json.dumps(config)), arrays) == representation
        transform = representation.transform(None)
        assert type(transform).from_config(json.loads(json.dumps(transform.to_config()))) == transform

    def test_generated_cells_are_read_as_they_were_made(self, kind):
        adata, _ = simulate(kind, 3, seed=0)
        options = {name: KINDS[kind].fit.get(name) for name in ("use_rep", "layer")}
        representation = REPRESENTATIONS[f"my_{kind}"].from_adata(adata, **options)
        cells = representation.read(adata)
        dense = cells.toarray() if sparse.issparse(cells) else cells
        again = representation.read(representation.to_adata(dense, adata.obs))
        np.testing.assert_array_equal(again.toarray() if sparse.issparse(again) else again, dense)

    def test_featurizer_sees_one_cell_at_a_time(self, kind):
        cls = REPRESENTATIONS[f"my_{kind}"]
        adata, _ = simulate(kind, 3, seed=0)
        spec = cls.from_adata(adata, **{name: KINDS[kind].fit.get(name) for name in ("use_rep", "layer")}).spec
        featurizer = FEATURIZERS[cls.default_featurizer](spec)
        shape = (2, 5, *spec.shape)
        x = torch.rand(shape) if spec.n_values is None else torch.randint(spec.n_values, shape)
        features = featurizer(x)
        assert features.shape == (2, 5, featurizer.n_output)
        torch.testing.assert_close(featurizer(x[:, 2:3]), features[:, 2:3])

    def test_entries_that_do_not_hold_the_kind_are_refused_before_any_training(self, kind):
        adata, _ = simulate(kind, 3, seed=0)
        KINDS[kind].spoil(adata)
        with pytest.raises(ValueError, match=KINDS[kind].refused):
            fit(kind, adata)
        assert "gde" not in adata.uns

    @pytest.mark.parametrize(
        ("name", "generator"), [("counts", "flow_matching"), ("tokens", "my_negative_binomial"), ("tokens", "energy")]
    )
    def test_generators_of_other_kinds_are_refused_with_those_that_do(self, name, generator):
        adata, _ = simulate(name, 3, seed=0)
        able = [other for other in GENERATORS if name in GENERATORS[other].supports]
        with pytest.raises(ValueError, match=rf"must support '{name}' cells, got \w+, .* Those that do: \['{able[0]}"):
            fit(name, adata, generator=generator, max_steps=1)
