"""The examples of `docs/extending.md`, each used as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import torch

from scgde import datasets, tl
from scgde.nn import ENCODERS, CellSpec

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "extending.md"
EXAMPLES = ("encoder", "generator", "metric", "predictor", "representation")
TINY = {
    "n_latent": 4,
    "sets_per_batch": 16,
    "set_size": 30,
    "progress_bar": False,
    "accelerator": "cpu",
    "train_kwargs": {"lr": 0.01},
}
SMALL_FLOW = {"n_steps": 4, "backbone_kwargs": {"n_hidden": 32, "n_layers": 1}}


@pytest.fixture(scope="module", autouse=True)
def examples(registered):
    """The files of the page, imported for the tests of this module."""
    with registered(*(f"example_{kind}.py" for kind in EXAMPLES)) as modules:
        yield modules


@pytest.fixture(autouse=True)
def seed():
    """Seed of torch's global random state, which is put back."""
    state = torch.get_rng_state()
    torch.default_generator.manual_seed(0)
    yield
    torch.set_rng_state(state)


def test_page_shows_every_example_and_names_every_file_of_a_kind():
    text = PAGE.read_text()
    shown = {(PAGE.parent / name).resolve() for name in re.findall(r"\{literalinclude\} (\S+)", text)}
    assert shown == set(HERE.glob("example_*.py")) == {HERE / f"example_{kind}.py" for kind in EXAMPLES}
    for kind in ("counts", "tokens", "images"):
        row = next(line for line in text.splitlines() if line.startswith(f"| {kind} |"))
        assert set(re.findall(r"(\w+)\.py", row)) == {path.stem for path in (HERE / kind).glob("*.py")}


def set_means(cells, n_sets):
    return np.asarray(cells).reshape(n_sets, -1, *cells.shape[1:]).mean(axis=1)


class TestEncoder:
    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, examples):
        adata = datasets.gaussian_sets(60, 60, 2, seed=0)
        tl.fit_gde(adata, "set", encoder="mean_variance", max_steps=200, generator_kwargs=SMALL_FLOW, **TINY)
        return adata

    @pytest.fixture
    def encoder(self, examples):
        return examples["example_encoder"].MeanVariance(3, 4).requires_grad_(False)

    def test_depends_on_the_weighted_points_only(self, encoder):
        x, counts = torch.randn(2, 30, 3), torch.randint(1, 5, (30,))
        weights = (counts / counts.sum()).expand(2, -1)
        expected, order = encoder(x, weights), torch.randperm(30)
        torch.testing.assert_close(encoder(x[:, order], weights[:, order]), expected)
        copies = x.repeat_interleave(counts, dim=1)
        torch.testing.assert_close(encoder(copies, torch.full(copies.shape[:2], 1 / copies.shape[1])), expected)
        padded = torch.cat([x, torch.full((2, 7, 3), 1e6)], dim=1), torch.cat([weights, torch.zeros(2, 7)], dim=1)
        torch.testing.assert_close(encoder(*padded), expected)

    def test_embedding_of_a_fit_knows_the_set(self, fitted, r2):
        generated = tl.generate(fitted, n_cells=100)
        truth = fitted.uns["truth"]["mean"]
        assert r2(set_means(generated.X, len(truth)), truth) > 0.5  # the mean over sets has 0

    def test_is_smooth_and_so_has_standard_errors(self, fitted):
        tl.uncertainty(fitted)
        assert (fitted.uns["gde"]["standard_error"] > 0).all()

    def test_survives_a_file(self, fitted, round_trip):
        again, other = round_trip(fitted), datasets.gaussian_sets(4, 20, 2, seed=1)
        tl.embed(other, again)
        tl.embed(expected := datasets.gaussian_sets(4, 20, 2, seed=1), fitted)
        np.testing.assert_array_equal(other.uns["gde"]["embedding"], expected.uns["gde"]["embedding"])

    def test_model_is_not_read_where_the_class_is_not_registered(self, fitted, monkeypatch):
        monkeypatch.delitem(ENCODERS._entries, "mean_variance")
        with pytest.raises(ValueError, match=r"`encoder` must be one of \['deep_sets', .*, got 'mean_variance'"):
            tl.embed(datasets.gaussian_sets(4, 20, 2, seed=1), fitted)


class TestGenerator:
    def test_approaches_mean_and_width_of_the_target(self, examples):
        generator, spread = examples["example_generator"].Gaussian(CellSpec.vectors(2), 2), 0.3
        optimizer, weights = torch.optim.Adam(generator.parameters(), lr=3e-2), torch.full((32, 8), 1 / 8)
        for _ in range(400):
            mean = 4 * torch.rand(32, 2) - 2
            optimizer.zero_grad()
            generator.loss(mean[:, None] + spread * torch.randn(32, 8, 2), weights, mean).mean().backward()
            optimizer.step()
        mean = 3 * torch.rand(40, 2) - 1.5
        cells = generator.sample(mean, 300, rng=torch.Generator().manual_seed(0)).detach()
        assert (cells.mean(1) - mean).square().mean() < 0.05 * mean.square().mean()
        assert cells.std(1).mean() == pytest.approx(spread, rel=0.2)

    def test_takes_cells_of_any_shape(self, examples):
        generator = examples["example_generator"].Gaussian(CellSpec("continuous", (1, 4, 5), torch.float32), 3)
        assert generator.sample(torch.randn(2, 3), 6).shape == (2, 6, 1, 4, 5)
        assert generator.loss(torch.randn(2, 6, 1, 4, 5), torch.full((2, 6), 1 / 6), torch.randn(2, 3)).shape == (2,)

    def test_is_fitted_stored_and_drawn_from(self, round_trip, r2):
        adata = datasets.gaussian_sets(60, 60, 2, seed=0)
        tl.fit_gde(adata, "set", generator="gaussian", max_steps=150, encoder_kwargs={"n_hidden": 32}, **TINY)
        generated = tl.generate(round_trip(adata), n_cells=100, seed=1)
        np.testing.assert_array_equal(generated.X, tl.generate(adata, n_cells=100, seed=1).X)
        truth = adata.uns["truth"]["mean"]
        assert r2(set_means(generated.X, len(truth)), truth) > 0.5

    def test_is_refused_for_cells_that_it_does_not_support(self, examples, monkeypatch):
        adata = datasets.gaussian_sets(4, 20, 2, seed=0)
        monkeypatch.setattr(examples["example_generator"].Gaussian, "supports", frozenset({"counts"}))
        with pytest.raises(ValueError, match=r"`generator` must support 'continuous' cells, got Gaussian"):
            tl.fit_gde(adata, "set", generator="gaussian", max_steps=1, **TINY)


class TestMetric:
    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, examples):
        adata = datasets.gaussian_sets(12, 40, 2, seed=0)
        is_right = np.arange(12) % 2 == 1
        adata.uns["truth"]["mean"][is_right, 0] += 6
        adata.X[is_right[adata.obs["set"].cat.codes], 0] += 6
        adata.obs["side"] = np.where(is_right, "right", "left")[adata.obs["set"].cat.codes]
        tl.fit_gde(adata, "set", max_steps=2, encoder_kwargs={"n_hidden": 16}, generator_kwargs=SMALL_FLOW, **TINY)
        return adata

    def test_is_a_distance_of_sets(self, fitted):
        square = tl.distances(fitted, metric="mean_shift").to_numpy()
        truth = fitted.uns["truth"]["mean"] / fitted.X.std(axis=0)
        expected = np.linalg.norm(truth[:, None] - truth[None], axis=-1)
        np.testing.assert_array_equal(square, square.T)
        upper = np.triu_indices(len(square), k=1)
        assert np.corrcoef(square[upper], expected[upper])[0, 1] > 0.95

    def test_has_the_same_units_for_all_pairs(self, fitted, examples):
        square = tl.distances(fitted, metric="mean_shift", n_cells=1000).to_numpy()
        mean_shift = examples["example_metric"].mean_shift
        cells = [fitted.X[fitted.obs["set"] == name] for name in fitted.uns["gde"]["sets"].index]
        assert square[0, 1] == pytest.approx(mean_shift(cells[0], cells[1], sd=fitted.X.std(axis=0)), rel=1e-4)

    def test_compares_groups_of_sets(self, fitted):
        tested = tl.compare_groups(fitted, "side", metric="mean_shift")
        assert tested.exact
        assert tested.p_value < 0.05
        assert tested.effect_size > 0.2


class TestPredictor:
    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, examples):
        adata = datasets.clones(40, paired_fraction=0.8, n_features=4, seed=0)
        tiny = TINY | {"set_size": 16, "encoder_kwargs": {"n_hidden": 16}, "transport_kwargs": SMALL_FLOW}
        tl.fit_tde(adata, "clone", time_key="time", predictor="least_squares", min_cells=1, max_steps=60, **tiny)
        return adata

    def test_learns_a_linear_map_and_its_spread(self, examples):
        rng = np.random.default_rng(0)
        source, noise = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
        target = source @ np.diag([1.0, -2.0, 0.0]) + 3 + 0.1 * noise
        predictor = examples["example_predictor"].LeastSquares().fit(source, target)
        new = rng.normal(size=(50, 3))
        error = predictor.mean(new) - (new @ np.diag([1.0, -2.0, 0.0]) + 3)
        assert np.square(error).mean() < 0.01 * target.var(axis=0).mean()
        assert predictor.draw(new, n_draws=200, rng=rng).std(axis=1).mean() == pytest.approx(0.1, rel=0.1)
        again = type(predictor).from_stored(*predictor.to_stored())
        np.testing.assert_array_equal(again.mean(new), predictor.mean(new))

    def test_forecasts_from_a_file(self, fitted, round_trip):
        source = fitted.uns["tde"]["pairs"]["source"].iloc[0]
        cells, expected = (tl.forecast(one, source, to=6, n_draws=3, seed=1) for one in (round_trip(fitted), fitted))
        assert set(cells.obs["draw"]) == {0, 1, 2}
        np.testing.assert_array_equal(cells.X, expected.X)
        np.testing.assert_array_equal(cells.uns["forecast"]["embedding"], expected.uns["forecast"]["embedding"])

    def test_takes_options_by_name(self, fitted):
        adata = fitted.copy()
        tl.fit_predictor(adata, predictor="least_squares", predictor_kwargs={"spread": 0.0})
        drawn = tl.forecast(adata, adata.uns["tde"]["pairs"]["source"].iloc[0], to=6, n_draws=3).uns["forecast"]
        np.testing.assert_allclose(drawn["embedding"][:, 1:], drawn["embedding"][:, :-1])


class TestRepresentation:
    @staticmethod
    def compositions(n_sets, seed):
        """Cells that are shares of three parts, around those of their set."""
        rng = np.random.default_rng(seed)
        center = rng.normal(size=(n_sets, 1, 3))
        weight = np.exp(center + 0.3 * rng.normal(size=(n_sets, 50, 3))).reshape(-1, 3)
        shares = (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)
        adata = ad.AnnData(obsm={"topics": shares})
        adata.obs["set"] = [f"set_{i:02d}" for i in np.repeat(np.arange(n_sets), 50)]
        return adata

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, examples):
        adata = cls.compositions(60, seed=0)
        options = TINY | {"encoder_kwargs": {"n_hidden": 32}, "generator_kwargs": SMALL_FLOW}
        tl.fit_gde(adata, "set", cells="compositions", use_rep="topics", max_steps=300, **options)
        return adata

    def test_generated_cells_are_of_the_kind(self, fitted, r2):
        generated = tl.generate(fitted, n_cells=100)
        assert (generated.X > 0).all()
        np.testing.assert_allclose(generated.X.sum(axis=1), 1, rtol=1e-5)
        truth = set_means(fitted.obsm["topics"], 60)
        assert r2(set_means(generated.X, 60), truth) > 0.5

    def test_new_sets_are_read_from_a_file(self, fitted, round_trip, r2):
        again, new = round_trip(fitted), self.compositions(20, seed=1)
        tl.embed(new, again)
        generated = tl.generate(new, n_cells=100)
        assert r2(set_means(generated.X, 20), set_means(new.obsm["topics"], 20)) > 0.5

    def test_generation_is_scored_where_cells_have_distances(self, fitted):
        scores = tl.score_generation(fitted)
        assert scores["generated"].mean() < 0.5 * scores["pooled"].mean()

    def test_differences_are_explained_in_what_is_modelled(self, fitted):
        logarithms = np.log(set_means(fitted.obsm["topics"], 60))
        logarithms -= logarithms.mean(axis=1, keepdims=True)
        first, last = logarithms[:, 0].argmin(), logarithms[:, 0].argmax()
        features = tl.explain(fitted, f"set_{first:02d}", f"set_{last:02d}", n_cells=50, n_steps=2).features
        assert set(features.index) == {"topics_0", "topics_1", "topics_2"}
        difference = (features["mean_b"] - features["mean_a"])[["topics_0", "topics_1", "topics_2"]]
        assert (np.sign(difference) == np.sign(logarithms[last] - logarithms[first])).all()

    def test_entries_of_another_kind_are_refused(self, fitted):
        adata = self.compositions(4, seed=0)
        with pytest.raises(KeyError, match="`use_rep` must name an entry"):
            tl.fit_gde(adata, "set", cells="compositions", use_rep="nobody")
        adata.obsm["topics"][3] *= 2
        with pytest.raises(ValueError, match="must hold shares that sum to 1, but 1 cells do not"):
            tl.fit_gde(adata, "set", cells="compositions", use_rep="topics")
