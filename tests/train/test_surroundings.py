"""Whatever a user has set in torch: fits work, give the same numbers, and leave it as it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from scgde import datasets, tl
from scgde.train import own_surroundings


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


FOREIGN = {
    "float64": lambda: default_dtype(torch.float64),
    "bfloat16": lambda: default_dtype(torch.bfloat16),
    "meta": lambda: default_device("meta"),
    "inference": torch.inference_mode,
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


def state_of_torch():
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_num_threads(),
        torch.default_generator.get_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
    )


@contextmanager
def unchanged_state():
    before = state_of_torch()
    yield
    assert state_of_torch() == before


def gde_numbers(tiny):
    """Numbers of a fit, of what is drawn from it, and of standard errors."""
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    tl.fit_gde(adata, "set", validation_fraction=0.2, isometry=1.0, **tiny)
    tl.uncertainty(adata)
    new = datasets.gaussian_sets(3, (6, 16), 4, seed=1)
    tl.embed(new, adata)
    cells = tl.generate(adata, n_cells=3, seed=5).X
    return [adata.uns["gde"][name] for name in ("embedding", "covariance")] + [new.uns["gde"]["embedding"], cells]


def tde_numbers(tiny_tde):
    adata = datasets.clones(30, paired_fraction=0.5, unlabeled_fraction=0.05, n_features=4, seed=0)
    tl.fit_tde(adata, "clone", time_key="time", predictor="mlp", predictor_kwargs={"max_steps": 20}, **tiny_tde)
    pair = adata.uns["tde"]["pairs"].iloc[0]
    return [adata.uns["tde"]["embedding"], tl.forecast(adata, pair["source"], to=pair["time_to"]).X]


@pytest.fixture(scope="module")
def tiny_tde(tiny):
    options = {name: value for name, value in tiny.items() if name != "generator_kwargs"}
    return {**options, "min_cells": 1, "transport_kwargs": tiny["generator_kwargs"]}


@pytest.fixture(scope="module")
def alone(tiny, tiny_tde):
    return gde_numbers(tiny), tde_numbers(tiny_tde)


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", FOREIGN)
def test_verbs_give_the_same_numbers_in_foreign_surroundings(alone, tiny, tiny_tde, name):
    with FOREIGN[name](), unchanged_state():
        same(gde_numbers(tiny), alone[0])
        same(tde_numbers(tiny_tde), alone[1])


def test_fits_in_several_threads_give_the_same_numbers_as_alone(alone, tiny):
    with ThreadPoolExecutor(3) as threads:
        for numbers in threads.map(lambda _: gde_numbers(tiny), range(3)):
            same(numbers, alone[0])


def test_own_surroundings_are_put_back_after_an_error():
    with default_dtype(torch.float64), torch.no_grad(), unchanged_state():
        with pytest.raises(KeyboardInterrupt):
            _interrupted()
        with own_surroundings():
            assert torch.get_default_dtype() == torch.float32


@own_surroundings()
def _interrupted():
    torch.set_grad_enabled(False)
    raise KeyboardInterrupt


def test_own_surroundings_hold_one_thread_at_a_time():
    inside, most = [], []

    def enter():
        with own_surroundings(), own_surroundings():
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.01)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"devices": 99}, ValueError, "`devices` must be 1 on the CPU, of which training uses all"),
        ({"devices": [0, 1]}, ValueError, "`devices` must be 1 on the CPU"),
        ({"train_kwargs": {"precision": "bf16-true"}}, ValueError, "`precision` must be one of"),
        ({"train_kwargs": {"precision": "x"}}, ValueError, "`precision` must be one of"),
    ],
)
def test_fit_refuses_devices_that_cannot_work(tiny, options, error, text):
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    with pytest.raises(error, match=text):
        tl.fit_gde(adata, "set", **{**tiny, **options})


@pytest.mark.parametrize("accelerator", ["gpu", "tpu", "nonsense"])
def test_fit_refuses_an_accelerator_that_is_not_there(tiny, accelerator):
    if accelerator == "gpu" and (torch.cuda.is_available() or torch.backends.mps.is_available()):
        pytest.skip("there is one")
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    with pytest.raises(ValueError, match="`accelerator` and `devices` must be what this machine has, got"):
        tl.fit_gde(adata, "set", **{**tiny, "accelerator": accelerator})


def test_generate_and_transport_take_any_integer_as_seed(tiny, tiny_tde):
    adata = datasets.gaussian_sets(10, (6, 16), 4, seed=0)
    model = tl.fit_gde(adata, "set", **tiny)
    z = adata.uns["gde"]["embedding"][:1]
    expected = model.generate(z, 2, seed=7)
    np.testing.assert_array_equal(model.generate(z, 2, seed=np.int64(7)), expected)
    np.testing.assert_array_equal(
        tl.generate(adata, n_cells=np.int8(2), seed=np.uint32(7)).X, tl.generate(adata, n_cells=2, seed=7).X
    )
    large = [model.generate(z, 2, seed=2**64 + shift) for shift in (0, 1)]
    assert not np.array_equal(*large)
    np.testing.assert_array_equal(large[0], model.generate(z, 2, seed=2**64))
    with pytest.raises(TypeError, match="`seed` must be an integer, got"):
        model.generate(z, 2, seed=0.5)
