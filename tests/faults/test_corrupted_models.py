"""200 corrupted models: each is refused in one sentence or read whole, and none takes memory that it only claims."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from scgde import datasets, tl
from scgde.data.representations import Vectors
from scgde.model import GDE, TDE, StoredModelError, _io

pytestmark = pytest.mark.slow

#: What is put in place of a value of a config.
VALUES = [None, -1, 0, 0.5, 10**6, 10**7, 10**9, 10**18, 1e308, "", "x", [], {}, [1, 2], True, [[0]], {"a": 1}]
N_VALUES, N_BITS, N_CUTS, N_ARRAYS = 110, 40, 20, 30
#: Bytes that Python itself may take for reading a model.
SLACK = 12 * 2**20


@pytest.fixture(scope="module")
def stored():
    """A GDE of some megabytes, and a TDE with a predictor."""
    adata = datasets.clones(20, paired_fraction=0.5, n_features=4, seed=0)
    options = {"predictor": "mlp", "predictor_kwargs": {"max_steps": 20}, "encoder_kwargs": {"n_hidden": 16}}
    tde = tl.fit_tde(adata, "clone", time_key="time", max_steps=2, min_cells=1, progress_bar=False, **options)
    options = {"encoder_kwargs": {"n_hidden": 512}, "generator_kwargs": {"backbone_kwargs": {"n_hidden": 512}}}
    return [GDE(cells=Vectors.unnamed(20), moments=True, **options).to_stored(), tde.to_stored()]


def leaves(value, path=()):
    """Paths to all values in nested dicts and lists."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from leaves(value[key], (*path, key))


def with_value(config, path, value):
    config = copy.deepcopy(config)
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return config


def corrupted(stored, rng):
    """Texts and states that are damaged or made up, without digests."""
    config, state = stored.config, stored.state
    text, content = json.dumps(config).encode(), save_tensors(state)
    paths = [path for path in leaves(config) if path[0] != "history"]
    for path in rng.sample(paths, min(len(paths), N_VALUES // 2)):
        yield f"{path}", json.dumps(with_value(config, path, rng.choice(VALUES))).encode(), content
    for _ in range(N_BITS // 4):
        yield "bit of the text", _flipped(text, rng), content
        yield "bit of the state", text, _flipped(content, rng)
    for _ in range(N_CUTS // 4):
        yield "cut text", text[: rng.randrange(len(text))], content
        yield "cut state", text, content[: rng.randrange(len(content))]
    for name in rng.sample(sorted(state), N_ARRAYS // 2):
        yield f"array {name}", text, save_tensors(_other_array(state, name, rng))
    for odd in (b"", b"[" * 10**5 + b"]" * 10**5, b"{}", b"3", b'{"class": "GDE"}', b"\xff\xfe"):
        yield "odd text", odd, content


def _flipped(content, rng):
    position = rng.randrange(len(content))
    return content[:position] + bytes([content[position] ^ (1 << rng.randrange(8))]) + content[position + 1 :]


def _other_array(state, name, rng):
    value = state[name]
    others = [
        {name: np.full_like(value, np.nan if value.dtype.kind == "f" else 0)},
        {name: np.zeros((*value.shape, 2), value.dtype)},
        {name: value.astype(np.float16)},
        {name: value.ravel()[:0]},
        {f"{name}.x": value},
        {name: -np.abs(value)},
    ]
    return {**state, **rng.choice(others)}


def peak_memory(reset=False):
    """Largest resident memory of this process since it was reset, and that of now, in bytes."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs the memory counters of Linux")
def test_corrupted_models_are_refused_in_one_sentence_and_take_no_memory(stored, tmp_path):
    n_models, refusals, rng = 0, [], random.Random(0)
    for one in stored:
        cls = GDE if one.config["class"] == "GDE" else TDE
        x = np.random.default_rng(0).normal(size=(9, len(one.config["parts"]["representation"]["names"])))
        expected = cls.from_stored(one).embed(x, np.arange(9) // 3)
        for what, text, content in corrupted(one, rng):
            (tmp_path / _io.CONFIG_FILE).write_bytes(text)
            (tmp_path / _io.STATE_FILE).write_bytes(content)
            before = peak_memory(reset=True)
            try:
                found = cls.load(tmp_path).embed(x, np.arange(9) // 3)
            except StoredModelError as error:
                refusals.append(str(error))
            else:
                assert found.shape == expected.shape, what
                assert np.isfinite(found).all(), what
            assert peak_memory() - before <= 2 * len(content) + SLACK, what
            n_models += 1
    assert n_models >= 200
    assert len(refusals) > n_models / 2
    assert not [text for text in refusals if not re.match("A stored (model|predictor) must ", text) or "\n" in text]
