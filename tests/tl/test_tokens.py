"""Sequences through the verbs of `tl`: what holds for vectors holds for them."""

from __future__ import annotations

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from scgde import get, pp, tl
from scgde.nn.generators import GENERATORS

N_SETS, N_CELLS = 24, 60
OPTIONS = {
    "max_steps": 60,
    "sets_per_batch": 16,
    "set_size": 40,
    "n_latent": 8,
    "progress_bar": False,
    "accelerator": "cpu",
    "encoder_kwargs": {"n_hidden": 16},
    "generator_kwargs": {"n_hidden": 16, "n_layers": 2},
    "train_kwargs": {"lr": 0.01, "target_size": 16, "steps_per_validation": 20},
}
GENERATORS_OF_TOKENS = [name for name in GENERATORS if "tokens" in GENERATORS[name].supports]
UNTRAINED = {"max_steps": 2, "validation_fraction": 0.0}


def simulate(n_sets=N_SETS, seed=0):
    """Sequences of 4 to 7 letters, of which a set prefers some by its position; and a gene that goes with them."""
    rng = np.random.default_rng(seed)
    position = np.repeat(rng.uniform(-1, 1, n_sets), N_CELLS)
    share = np.exp(1.5 * position[:, None] * [1, -1, 0.5, 0])
    share /= share.sum(axis=1, keepdims=True)
    text = ["".join(rng.choice(list("ACGT"), rng.integers(4, 8), p=p)) for p in share]
    gene = np.where(rng.random(len(text)) < (1 + position) / 2, "V1", "V2")
    obs = {"sequence_of": text, "gene": gene, "position": position}
    obs["set"] = [f"set_{i:02d}" for i in np.repeat(np.arange(n_sets), N_CELLS)]
    return ad.AnnData(obs=pd.DataFrame(obs, index=np.arange(len(text)).astype(str)))


def tokenized(seed=0, **options):
    adata = simulate(seed=seed)
    pp.tokenize(adata, "sequence_of", first_key="gene", **options)
    return adata


def fit(adata, **options):
    return tl.fit_gde(adata, "set", use_rep="X_tokens", **{**OPTIONS, **options})


@pytest.fixture(scope="module", params=GENERATORS_OF_TOKENS)
def fitted_once(request):
    adata = tokenized()
    fit(adata, generator=request.param)
    return adata


@pytest.fixture
def fitted(fitted_once):
    return fitted_once.copy()


def share_of_a(adata, column="set"):
    text = adata.obs["sequence" if "sequence" in adata.obs else "sequence_of"]
    return (text.str.count("A") / text.str.len()).groupby(adata.obs[column], observed=True).mean()


def test_kind_featurizer_and_generator_follow_from_the_entry():
    adata = tokenized()
    fit(adata, **UNTRAINED)
    params = adata.uns["gde"]["params"]
    assert (params["cells"], params["featurizer"], params["generator"]) == ("tokens", "kmer", "autoregressive")


def test_generated_cells_are_text_of_the_alphabet_that_follows_its_set(fitted, round_trip):
    cells = tl.generate(fitted, n_cells=200)
    assert set("".join(cells.obs["sequence"])) <= set("ACGT")
    assert set(cells.obs["gene"]) <= {"V1", "V2"}
    assert cells.obs["sequence"].str.len().between(1, 7).all()
    assert np.corrcoef(share_of_a(cells), share_of_a(fitted))[0, 1] > 0.9
    genes = [(adata.obs["gene"] == "V1").groupby(adata.obs["set"], observed=True).mean() for adata in (cells, fitted)]
    assert np.corrcoef(*genes)[0, 1] > 0.7
    again = round_trip(cells)
    assert again.obs["sequence"].tolist() == cells.obs["sequence"].tolist()
    assert again.obsm["X_tokens"].dtype == np.uint8


def test_new_sets_are_embedded_and_generated_after_a_round_trip(fitted, round_trip):
    new, again = tokenized(seed=1, max_length=9), round_trip(fitted)
    tl.embed(new, again)
    cells = tl.generate(new, n_cells=200)
    assert np.corrcoef(share_of_a(cells), share_of_a(new))[0, 1] > 0.9
    other = tokenized(seed=1)
    tl.embed(other, fitted)
    np.testing.assert_allclose(new.uns["gde"]["embedding"], other.uns["gde"]["embedding"], atol=1e-5)
    assert tl.generate(other, n_cells=200).obs["sequence"].tolist() == cells.obs["sequence"].tolist()


def test_order_and_copies_of_cells_do_not_matter(fitted):
    cells = tokenized()
    again = ad.concat([cells, cells[::-1]], uns_merge="same", index_unique="-")
    again.uns["X_tokens"] = cells.uns["X_tokens"]
    tl.embed(again, fitted)
    np.testing.assert_allclose(again.uns["gde"]["embedding"], fitted.uns["gde"]["embedding"], atol=1e-5)


def test_room_behind_the_end_does_not_matter(fitted):
    wide = tokenized(max_length=20)
    tl.embed(wide, fitted)
    np.testing.assert_allclose(wide.uns["gde"]["embedding"], fitted.uns["gde"]["embedding"], atol=1e-5)
    likelihoods = [tl.log_likelihood(adata) for adata in (wide, fitted)]
    np.testing.assert_allclose(*likelihoods, atol=1e-5)


def test_history_has_what_the_context_gains(fitted):
    gain = fitted.uns["gde"]["history"]["context_gain"].dropna()
    assert len(gain) == 3
    assert gain.iloc[-1] > 0.02


def test_a_generator_that_ignores_the_embedding_is_reported(monkeypatch):
    adata, generator = tokenized(), GENERATORS["autoregressive"]
    log_prob = generator.log_prob
    monkeypatch.setattr(generator, "log_prob", lambda self, x, context: log_prob(self, x, 0 * context))
    with pytest.warns(UserWarning, match="The generator ignores the embedding"):
        fit(adata, max_steps=1, moments=False, train_kwargs={"target_size": 16})
    assert "gde" in adata.uns


def test_cells_are_likelier_under_their_own_set(fitted):
    own, mean = tl.log_likelihood(fitted), tl.log_likelihood(fitted, given="mean")
    assert own.index.tolist() == fitted.obs_names.tolist()
    is_bound = GENERATORS[fitted.uns["gde"]["params"]["generator"]].likelihood_is_bound
    assert own.name == ("log_likelihood_bound" if is_bound else "log_likelihood")
    assert (own < 0).all()
    assert own.mean() > mean.mean() + 0.02
    some = tl.log_likelihood(fitted, ["set_03", "set_01"])
    pd.testing.assert_series_equal(some, own[fitted.obs["set"].isin(["set_01", "set_03"]).to_numpy()])
    other = tl.log_likelihood(fitted, "set_03", given="set_01")
    assert other.mean() != some[other.index].mean()


def test_likelihood_of_unknown_sets_and_of_generators_without_one_is_refused(fitted, fit_vectors):
    with pytest.raises(KeyError, match="`given` must name fitted sets"):
        tl.log_likelihood(fitted, given="set_99")
    with pytest.raises(
        ValueError, match=r"got FlowMatching for 'continuous' cells. Those that do: \['autoregressive', 'masked_flow'\]"
    ):
        tl.log_likelihood(fit_vectors)


@pytest.fixture
def fit_vectors():
    rng = np.random.default_rng(0)
    adata = ad.AnnData(rng.normal(size=(40, 2)).astype(np.float32))
    adata.obs["set"] = np.repeat(list("abcd"), 10)
    tl.fit_gde(adata, "set", max_steps=1, validation_fraction=0.0, progress_bar=False, accelerator="cpu")
    return adata


def test_path_moves_one_sequence_at_a_time(fitted):
    share = share_of_a(fitted)
    path = tl.interpolate(fitted, share.idxmin(), share.idxmax(), n_steps=9, n_cells=100)
    assert np.corrcoef(share_of_a(path, "t"), np.arange(9))[0, 1] > 0.9
    tokens = path.obsm["X_tokens"].reshape(9, 100, -1)
    near = (tokens[1:] == tokens[:-1]).mean()
    rows = np.random.default_rng(0).permutation(100)
    assert near > 0.7
    assert near > (tokens[1:] == tokens[:-1, rows]).mean() + 0.2


def test_embedding_has_standard_errors_and_sets_are_compared(fitted):
    tl.uncertainty(fitted)
    errors, embedding = fitted.uns["gde"]["standard_error"], fitted.uns["gde"]["embedding"]
    assert (errors > 0).all()
    assert np.square(errors).mean() < 0.5 * embedding.var(axis=0).mean()
    share = share_of_a(fitted)
    assert tl.compare_sets(fitted, share.idxmin(), share.idxmax()).p_value < 1e-3
    fitted.obs["high"] = (share > share.median()).reindex(fitted.obs["set"]).to_numpy()
    assert tl.compare_groups(fitted, "high", n_permutations=99, metric="energy").p_value <= 0.02


@pytest.mark.parametrize("metric", ["embedding", "energy", "sliced_wasserstein"])
def test_distances_follow_positions(fitted, metric):
    square = tl.distances(fitted, metric=metric, n_cells=50).to_numpy()
    position = fitted.obs.groupby("set", observed=True)["position"].first().to_numpy()
    truth, upper = np.abs(position[:, None] - position), np.triu_indices(N_SETS, k=1)
    assert np.corrcoef(square[upper], truth[upper])[0, 1] > 0.7


def test_difference_is_explained_by_words(fitted):
    share = share_of_a(fitted)
    features = tl.explain(fitted, share.idxmin(), share.idxmax(), n_cells=60, n_steps=3).features
    assert {"A", "AC", "ACG", "V1"} <= set(features.index)
    assert "A" in features.nlargest(5, "total").index


def test_generation_beats_the_cells_of_all_sets(fitted):
    scores = tl.score_generation(fitted, n_repeats=4)
    assert scores["generated"].mean() < 0.3 * scores["pooled"].mean()
    assert scores["nearest"].mean() < scores["pooled"].mean()


def test_embedding_knows_labels(fitted):
    fitted.obs["half"] = np.where(fitted.obs["position"] > 0, "high", "low")
    scores = tl.evaluate_embedding(fitted, label_key="half", n_permutations=9, n_draws=9)
    assert scores["value"].iloc[0] > scores["chance"].iloc[0] + 0.2


def test_embeddings_are_an_anndata_of_sets(fitted):
    assert get.sets(fitted).shape == (N_SETS, 8)


def test_isometry_follows_distances_of_words():
    adata = tokenized()
    model = fit(adata, isometry=0.1, moments=False)
    assert model.latent_scale > 0
    position = adata.obs.groupby("set", observed=True)["position"].first().to_numpy()
    square = tl.distances(adata).to_numpy()
    upper = np.triu_indices(N_SETS, k=1)
    assert np.corrcoef(square[upper], np.abs(position[:, None] - position)[upper])[0, 1] > 0.7


def test_isometry_in_discriminant_coordinates_travels_with_the_model(round_trip):
    adata = tokenized()
    model = fit(adata, isometry=0.1, isometry_ground="gaussian")
    assert model.latent_scale is None
    position = adata.obs.groupby("set", observed=True)["position"].first().to_numpy()
    upper = np.triu_indices(N_SETS, k=1)
    square = tl.distances(adata, metric="embedding").to_numpy()
    assert np.corrcoef(square[upper], np.abs(position[:, None] - position)[upper])[0, 1] > 0.9
    tl.uncertainty(adata)
    new = tokenized()
    tl.embed(new, round_trip(adata))
    np.testing.assert_allclose(new.uns["gde"]["embedding"], adata.uns["gde"]["embedding"], atol=1e-5)


def test_tokens_on_disk_give_the_same_fit(tmp_path):
    adata = tokenized()
    fit(adata, **UNTRAINED)
    on_disk = tokenized()
    with h5py.File(tmp_path / "tokens.h5", "w") as file:
        file["tokens"] = on_disk.obsm["X_tokens"]
        on_disk.obsm["X_tokens"] = file["tokens"]
        fit(on_disk, **UNTRAINED)
    np.testing.assert_array_equal(on_disk.uns["gde"]["embedding"], adata.uns["gde"]["embedding"])


def test_vectors_are_read_and_sequences_made():
    adata = tokenized()
    position = adata.obs["position"].to_numpy()
    noise = np.random.default_rng(0).normal(size=(adata.n_obs, 2))
    adata.obsm["X_model"] = np.column_stack([position, np.zeros_like(position)]) + 0.3 * noise
    tl.fit_gde(adata, "set", use_rep="X_model", generate="X_tokens", **OPTIONS)
    cells = tl.generate(adata, n_cells=200)
    assert np.corrcoef(share_of_a(cells), share_of_a(adata))[0, 1] > 0.9
    assert tl.log_likelihood(adata).mean() > tl.log_likelihood(adata, given="mean").mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generator": "flow_matching"}, r"must support 'tokens' cells, got FlowMatching.*\['autoregressive', 'masked"),
        ({"featurizer": "identity"}, r"must support 'tokens' cells, got Identity.*\['conv1d', 'kmer'\]"),
        ({"scaling": "common"}, "`scaling` must be None for tokens"),
    ],
)
def test_options_for_other_cells_are_refused_before_training(options, message):
    adata = tokenized()
    with pytest.raises(ValueError, match=message):
        fit(adata, **options)
    assert "gde" not in adata.uns


def test_cells_without_a_sequence_must_be_left_out():
    adata = simulate()
    adata.obs.loc["7", "sequence_of"] = None
    pp.tokenize(adata, "sequence_of")
    with pytest.raises(ValueError, match=r"but 1 have none. Leave them out: `mask=adata.obsm\[\"X_tokens\"\]"):
        fit(adata)
    fit(adata, mask=adata.obsm["X_tokens"].any(axis=1), **UNTRAINED)
    assert adata.obs["gde_set"].isna().sum() == 1


def test_transport_by_paths_of_vectors_is_refused_before_training():
    adata = tokenized()
    adata.obs["time"] = np.arange(adata.n_obs) % 2
    with pytest.raises(ValueError, match=r"`transport` must support 'tokens' cells, got FlowMatching.*\['masked_flow'"):
        tl.fit_tde(adata, "set", time_key="time", use_rep="X_tokens", progress_bar=False)
    assert "tde" not in adata.uns


def test_sequences_are_transported_to_what_their_target_prefers(round_trip):
    adata = tokenized()
    position = adata.obs.groupby("set", observed=True)["position"].first().sort_values()
    low, high = position.index[:6], position.index[::-1][:6]
    options = {name: value for name, value in OPTIONS.items() if name != "generator_kwargs"} | {"max_steps": 150}
    options["transport_kwargs"] = {"n_hidden": 16, "n_layers": 2}
    pairs = np.column_stack([low, high])
    tl.fit_tde(adata, "set", pairs=pairs, use_rep="X_tokens", transport="masked_flow", predictor="ridge", **options)
    again = round_trip(adata)
    moved, share = tl.transport(again, list(low[:3]), list(high[:3])), share_of_a(adata)
    start, end, found = share[low[:3]].mean(), share[high[:3]].mean(), share_of_a(moved, "source_set").mean()
    assert abs(found - end) < 0.35 * abs(start - end)
    assert set("".join(moved.obs["sequence"])) <= set("ACGT")
    assert set(moved.obs["gene"]) <= {"V1", "V2"}
    [first, *_, last] = (path := tl.transport(again, low[0], high[0], n_times=3)).obs["t"].unique()
    assert (first, last) == (0, 1)
    before = adata.obs.loc[adata.obs["set"] == low[0], "sequence_of"].tolist()
    assert path.obs.loc[path.obs["t"] == 0, "sequence"].tolist() == before
    with pytest.raises(ValueError, match="Cells of numbers are required, with which simple forecasts"):
        tl.evaluate_transport(again)
    forecast = tl.forecast(again, low[0])
    assert forecast.obs["sequence"].str.len().between(1, 7).all()


def test_decoding_is_refused(fitted):
    with pytest.raises(ValueError, match="`decode=True` needs principal components, got sequences"):
        tl.generate(fitted, decode=True)


@pytest.mark.parametrize("encoder", ["deep_sets", "residual_gnn", "kernel_mean", "moments", "pooled_attention"])
def test_encoders_see_features_not_codes(encoder):
    adata = tokenized()
    model = fit(adata, encoder=encoder, encoder_kwargs={}, **UNTRAINED)
    assert model.module.encoder.n_input == model.module.featurizer.n_output
    assert np.isfinite(adata.uns["gde"]["embedding"]).all()


def test_convolutions_read_sequences():
    adata = tokenized()
    fit(adata, featurizer="conv1d", max_steps=40, moments=False)
    assert np.corrcoef(share_of_a(tl.generate(adata, n_cells=100)), share_of_a(adata))[0, 1] > 0.7
