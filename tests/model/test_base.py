"""How a model is stored and read back."""

from __future__ import annotations

import gc
import json
import weakref
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from scgde.data.representations import PCALoadings, Vectors
from scgde.model import GDE, StoredModelError, _io
from scgde.nn.cells import CellSpec
from scgde.nn.stored_weights import check_weights


def test_save_and_load_give_the_same_numbers(trained, cells, tmp_path):
    trained.save(tmp_path / "model")
    loaded = GDE.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.get_embedding(cells), trained.get_embedding(cells))
    z = trained.get_embedding().to_numpy()
    np.testing.assert_array_equal(loaded.generate(z, 3), trained.generate(z, 3))
    assert loaded.history.equals(trained.history)
    assert loaded.is_trained


def test_saved_folder_holds_json_and_safetensors_only(trained, tmp_path):
    trained.save(tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "state.safetensors"]
    assert json.loads((tmp_path / "model" / "config.json").read_text())["class"] == "GDE"


def test_untrained_model_can_be_saved(registered, network, tmp_path):
    model = GDE(registered, **network)
    model.save(tmp_path)
    loaded = GDE.load(tmp_path)
    assert not loaded.is_trained
    assert loaded.history.empty
    np.testing.assert_array_equal(loaded.get_embedding(registered), model.get_embedding())


def test_model_without_data_can_be_saved(network, tmp_path):
    GDE(cells=CellSpec.vectors(4), **network).save(tmp_path)
    assert GDE.load(tmp_path).embed(np.zeros((3, 4)), np.zeros(3, dtype=int)).shape == (1, 4)


def test_representations_are_saved(trained, tmp_path):
    model = GDE.from_stored(trained.to_stored())
    loadings = PCALoadings(list("xyz"), np.ones((3, 4), dtype=np.float32), np.arange(3, dtype=np.float32))
    model.representation = Vectors("X_pca", None, list("abcd"), loadings)
    model.target_representation = Vectors("X", "counts", list("efgh"))
    model.save(tmp_path)
    read, modelled = GDE.load(tmp_path).representations
    assert (read.use_rep, read.layer, read.names, read.loadings.genes) == ("X_pca", None, list("abcd"), list("xyz"))
    np.testing.assert_array_equal(read.loadings.decode(np.eye(4)), loadings.decode(np.eye(4)))
    assert (modelled.use_rep, modelled.layer, modelled.names, modelled.loadings) == ("X", "counts", list("efgh"), None)


def test_one_representation_is_stored_once(trained):
    assert list(trained.to_stored().config["parts"]) == ["representation"]
    read, modelled = GDE.from_stored(trained.to_stored()).representations
    assert read is modelled


def test_loaded_model_attaches_data_and_trains_on(trained, registered, training, tmp_path):
    trained.save(tmp_path)
    loaded = GDE.load(tmp_path, adata=registered)
    np.testing.assert_array_equal(loaded.get_embedding(), trained.get_embedding())
    loaded.train(**training)
    assert loaded.history["validation_loss"].min() < trained.history["validation_loss"].min()


def test_loaded_model_refuses_data_of_another_width(trained, cells, tmp_path):
    trained.save(tmp_path)
    narrow = cells[:, :2].copy()
    GDE.setup_anndata(narrow, set_key="donor")
    with pytest.raises(KeyError, match="all variables of the reference, but 2 are missing"):
        GDE.load(tmp_path, adata=narrow)


def test_save_refuses_a_folder_with_files(trained, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"`dir_path` must be a new or empty folder.*overwrite=True"):
        trained.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_save_overwrites_a_model_when_asked_to(trained, registered, network, tmp_path):
    GDE(registered, **network, seed=5).save(tmp_path)
    trained.save(tmp_path, overwrite=True)
    np.testing.assert_array_equal(GDE.load(tmp_path).get_embedding(registered), trained.get_embedding())


def test_save_leaves_other_files_and_nothing_of_the_older_model(trained, registered, network, tmp_path):
    GDE(registered, **network, label_classes=["a", "b"], seed=5).save(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    trained.save(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "notes.txt", "state.safetensors"]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    trained.save(tmp_path / "new")
    for name in ("config.json", "state.safetensors"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "new" / name).read_bytes()


def test_save_refuses_a_folder_that_load_would_refuse(trained, registered, network, tmp_path):
    older = GDE(registered, **network, seed=5)
    older.save(tmp_path)
    content = (tmp_path / "state.safetensors").read_bytes()
    (tmp_path / "model.pt").write_bytes(b"of scvi-tools")
    with pytest.raises(FileExistsError, match=r"without pickles, .*got \['model.pt'\].*Move them elsewhere"):
        trained.save(tmp_path, overwrite=True)
    assert (tmp_path / "model.pt").read_bytes() == b"of scvi-tools"
    assert (tmp_path / "state.safetensors").read_bytes() == content


@pytest.mark.parametrize("renamed", range(4))
@pytest.mark.parametrize("has_digest", [True, False])
def test_save_that_is_interrupted_leaves_one_of_the_two_models(
    trained, registered, network, tmp_path, monkeypatch, renamed, has_digest
):
    older = GDE(registered, **network, seed=5)
    older.save(tmp_path)
    if not has_digest:  # as the preview of 0.1.0 saved it
        config = json.loads((tmp_path / "config.json").read_text())
        del config["state_sha256"], config["config_sha256"]
        (tmp_path / "config.json").write_text(json.dumps(config))
    original, n_calls = Path.replace, iter(range(9))

    def replace(self, target):
        if next(n_calls) == renamed:
            raise KeyboardInterrupt
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt) if renamed < 3 else nullcontext():
        trained.save(tmp_path, overwrite=True)
    monkeypatch.undo()
    expected = older if renamed < 3 else trained
    np.testing.assert_array_equal(GDE.load(tmp_path).get_embedding(registered), expected.get_embedding(registered))
    trained.save(tmp_path, overwrite=True)
    np.testing.assert_array_equal(GDE.load(tmp_path).get_embedding(registered), trained.get_embedding(registered))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "state.safetensors"]


def test_load_refuses_weights_that_were_changed(trained, tmp_path):
    trained.save(tmp_path)
    content = bytearray((tmp_path / "state.safetensors").read_bytes())
    content[-3] ^= 1
    (tmp_path / "state.safetensors").write_bytes(content)
    with pytest.raises(StoredModelError, match=r"must be as it was saved, got .* other weights in .*damaged"):
        GDE.load(tmp_path)


def test_load_refuses_a_config_that_was_changed(trained, tmp_path):
    trained.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["parts"]["representation"]["names"].reverse()
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(StoredModelError, match="must be as it was saved, got another config"):
        GDE.load(tmp_path)


@pytest.mark.parametrize("name", ["model.pt", "weights.pkl", "LAST.CKPT", "x.joblib"])
def test_load_refuses_a_folder_with_a_pickle(trained, tmp_path, name):
    trained.save(tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(b"")
    with pytest.raises(ValueError, match=f"got \\['{name}'\\].*A pickle can run code"):
        GDE.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state.safetensors", b"\x80\x04\x95"),
        ("state.safetensors", b""),
        ("state.safetensors", b"PK\x03\x04" + bytes(100)),
        ("config.json", b"{"),
        ("config.json", b"\xff\xfe\x00"),
        ("config.json", b"3"),
        ("config.json", b"null"),
    ],
    ids=str,
)
def test_load_refuses_files_of_another_kind(trained, tmp_path, name, content):
    trained.save(tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(content)
    with pytest.raises(
        ValueError, match=r"A stored model must be JSON and safetensors, got something else in .*never unpickles"
    ):
        GDE.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["config.json", "state.safetensors"])
def test_load_names_a_file_that_is_missing(trained, tmp_path, name):
    trained.save(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks \\['{name}'\\]"):
        GDE.load(tmp_path / "model")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("init"),
        lambda config: config.pop("parts"),
        lambda config: config["init"].update(n_latent=9),
        lambda config: config["init"].update(unknown=9),
        lambda config: config.update(parts=None),
        lambda config: config.update(parts=[]),
        lambda config: config.update(setup=None),
        lambda config: config.update(fitted_on=3, history={"step": [1], "train_loss": ["x"]}),
        lambda config: config.update(format="x"),
        lambda config: config.update(version=None),
        lambda config: config.pop("version"),
        lambda config: config["init"].update(encoder="unknown"),
        lambda config: config["parts"]["representation"].update(genes=["a"]),
    ],
)
def test_from_stored_refuses_parts_that_do_not_belong_together(trained, change):
    stored = trained.to_stored()
    change(stored.config)
    with pytest.raises(ValueError, match=r"A stored model must .* (belong together|the weights of its networks)"):
        GDE.from_stored(stored)


@pytest.mark.parametrize(("path", "value"), [("n_latent", 10**7), ("n_latent", 10**9), ("encoder_kwargs", 10**6)])
def test_from_stored_takes_no_memory_for_sizes_that_its_weights_do_not_have(trained, path, value):
    stored = trained.to_stored()
    stored.config["init"][path] = {"n_hidden": value} if path == "encoder_kwargs" else value
    with LargestTensor() as largest, pytest.raises(StoredModelError):
        GDE.from_stored(stored)
    assert largest.n_bytes < 2**20


class LargestTensor(TorchDispatchMode):
    """Size of the largest tensor with memory of its own that is made in the block."""

    n_bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in (part for part in tree_leaves(result) if isinstance(part, torch.Tensor)):
            if tensor.device.type != "meta":
                self.n_bytes = max(self.n_bytes, tensor.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("module.generator.backbone.last.weight", np.nan, "finite weights, got NaN or infinity"),
        ("module.transform.center", np.inf, "finite weights, got NaN or infinity"),
        ("module.transform.scale", 0.0, "positive scales, got zero or less"),
        ("module.transform.scale", -1.0, "positive scales, got zero or less"),
    ],
)
def test_from_stored_refuses_numbers_that_give_none(trained, name, value, text):
    stored = trained.to_stored()
    name = name if name in stored.state else next(array for array in stored.state if array.endswith("weight"))
    stored.state[name] = np.full_like(stored.state[name], value)
    with pytest.raises(StoredModelError, match=f"A stored model must have {text}"):
        GDE.from_stored(stored)


def test_from_stored_warns_of_a_later_version(trained):
    stored = trained.to_stored()
    stored.config["version"] = "99.0"
    with pytest.warns(UserWarning, match=r"stored by scgde 99.0, and is read by .*: install that version"):
        GDE.from_stored(stored)


def test_load_refuses_deep_nesting_and_long_configs(trained, tmp_path, monkeypatch):
    trained.save(tmp_path)
    (tmp_path / "config.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(StoredModelError, match="must be JSON and safetensors, got something else"):
        GDE.load(tmp_path)
    trained.save(tmp_path, overwrite=True)
    monkeypatch.setattr(_io, "_MAX_CONFIG", 100)
    with pytest.raises(StoredModelError, match=r"bytes of JSON, and 100 at most are read"):
        GDE.load(tmp_path)


def test_networks_that_compute_when_they_are_made_can_be_stored(trained):
    with pytest.raises(StoredModelError, match="must be as large as its weights"):
        check_weights(lambda: _Computing(10**6), {"weight": np.zeros(3, dtype=np.float32)})
    check_weights(lambda: _Computing(3), {"weight": np.zeros(3, dtype=np.float32)})


class _Computing(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        assert torch.linspace(0, 1, 3).tolist() == [0, 0.5, 1]
        self.weight = torch.nn.Parameter(torch.zeros(n))


def test_from_stored_refuses_another_class(trained):
    stored = trained.to_stored()
    stored.config["class"] = "TDE"
    with pytest.raises(ValueError, match="A stored model must be a GDE, got 'TDE'"):
        GDE.from_stored(stored)


def test_plain_turns_numpy_and_paths_into_json(tmp_path):
    value = {"a": np.float64(0.5), "b": (np.int32(1), np.arange(2)), "c": tmp_path, "d": None, "e": np.bool_(True)}
    plain = _io.plain(value, "it")
    assert json.loads(json.dumps(plain)) == {"a": 0.5, "b": [1, [0, 1]], "c": str(tmp_path), "d": None, "e": True}


def test_plain_refuses_what_json_cannot_hold():
    with pytest.raises(TypeError, match=r"The options must hold numbers, text, lists and dicts only, got {1, 2}"):
        _io.plain({"a": {1, 2}}, "the options")


def test_forget_lets_data_go_with_the_model(cells, network):
    GDE.setup_anndata(cells, set_key="donor")
    copy = cells.copy()
    GDE.setup_anndata(copy, set_key="donor")
    model = GDE(copy, **network)
    data = weakref.ref(copy)
    GDE.forget(copy)
    model.train(1, progress_bar=False, accelerator="cpu")
    del model, copy
    gc.collect()
    assert data() is None
