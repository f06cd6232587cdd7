"""Models that the preview of 0.1.0 stored give the numbers that they gave then."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from scgde import datasets
from scgde.model import GDE, TDE, _io
from scgde.model._migrations import FORMAT, migrate
from scgde.module import CountReadout

DATA = Path(__file__).parent / "data"
MODELS = sorted(path.stem for path in DATA.glob("*.json"))
TOLERANCE = {"rtol": 1e-6, "atol": 1e-6}


def stored(name: str) -> _io.Stored:
    return _io.Stored(json.loads((DATA / f"{name}.json").read_text()), load_file(DATA / f"{name}.safetensors"))


def restored(name: str) -> GDE | TDE:
    cls = {"GDE": GDE, "TDE": TDE}[stored(name).config["class"]]
    return cls.from_stored(stored(name))


@pytest.fixture(scope="module")
def cells():
    return datasets.gaussian_sets(10, (6, 16), 4, seed=0)


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def test_models_of_the_preview_are_there():
    assert MODELS == ["gde_deep_sets", "gde_pooled_gnn", "tde_both", "tde_lookup", "tde_source"]
    assert all("format" not in stored(name).config for name in MODELS)


def test_old_model_embeds_as_it_did(name, cells):
    model, expected = restored(name), load_file(DATA / f"{name}_expected.safetensors")["embedding"]
    if name == "tde_lookup":
        embedding = model.module.conditioning.table.weight.detach().numpy()
    else:
        embedding = model.embed(cells.X, cells.obs["set"].cat.codes.to_numpy())
    np.testing.assert_allclose(embedding, expected, **TOLERANCE)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("gde")])
def test_old_model_generates_and_predicts_as_it_did(name):
    model, expected = restored(name), load_file(DATA / f"{name}_expected.safetensors")
    z = expected["embedding"]
    np.testing.assert_allclose(model.generate(z, 4, seed=1), expected["generated"], **TOLERANCE)
    if "predicted" in expected:
        np.testing.assert_allclose(model.predict(z), expected["predicted"], **TOLERANCE)
        of_batch = model.generate(z, 4, batch=model.batches[0], seed=1)
        np.testing.assert_allclose(of_batch, expected["generated_in_batch"], **TOLERANCE)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("tde")])
def test_old_model_transports_and_forecasts_as_it_did(name, cells):
    model, expected = restored(name), load_file(DATA / f"{name}_expected.safetensors")
    z, codes = expected["embedding"], cells.obs["set"].cat.codes.to_numpy()
    path = model.transport(cells.X, codes, z, z[::-1], times=(0.5, 1.0), seed=1)
    np.testing.assert_allclose(path, expected["transported"], **TOLERANCE)
    if "forecast" in expected:
        np.testing.assert_allclose(model.predictor.mean(z), expected["forecast"], **TOLERANCE)
        drawn = model.predictor.draw(z, n_draws=2, rng=np.random.default_rng(0))
        np.testing.assert_allclose(drawn, expected["drawn"], **TOLERANCE)


def test_old_model_is_stored_in_the_present_form(name):
    model = restored(name)
    again = model.to_stored()
    assert again.config["format"] == FORMAT
    assert migrate(*again) == again
    assert type(model).from_stored(again).history.equals(model.history)


def test_migration_changes_none_of_its_arguments(name):
    before, given = stored(name), stored(name)
    migrate(*given)
    assert given.config == before.config
    assert set(given.state) == set(before.state)


@pytest.mark.parametrize("options", [{"featurizer": "fourier"}, {"featurizer_kwargs": {"n_layers": 2}}], ids=str)
def test_encoder_with_a_featurizer_of_its_own_must_be_fitted_again(options):
    config, state = stored("gde_pooled_gnn")
    config["init"]["encoder_kwargs"] |= options
    with pytest.raises(ValueError, match=r"got one with a featurizer of its own.*fit again with `featurizer`"):
        GDE.from_stored(_io.Stored(config, state))


def test_model_of_a_later_version_is_refused():
    config, state = stored("gde_pooled_gnn")
    with pytest.raises(ValueError, match=rf"must be in form {FORMAT} or earlier, got {FORMAT + 1}"):
        GDE.from_stored(_io.Stored(config | {"format": FORMAT + 1}, state))


def test_layers_of_scvi_tools_become_those_of_the_count_decoder():
    layers = [f"{part}.fc_layers.Layer 0.0" for part in ("encoder.0", "decoder.hidden")]
    names = [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    config, state = migrate({"format": 1}, dict.fromkeys(names, np.zeros(1)))
    assert config == {"format": FORMAT}
    assert set(state) <= set(CountReadout(3, 5).state_dict())
    assert len(state) == len(names)


def test_all_dimensions_counted_alike_in_contexts_of_earlier_forms():
    core = {f"module.core.{name}": np.full(2, 0.5, dtype=np.float32) for name in ("reliability", "limit")}
    config, state = migrate({"format": 3}, core)
    assert config == {"format": FORMAT}
    np.testing.assert_array_equal(state["module.core.importance"], np.ones(2))
    assert migrate({"format": 3}, {}) == ({"format": FORMAT}, {})
