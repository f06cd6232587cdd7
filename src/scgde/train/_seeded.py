from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from scgde._checks import check_count

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seeds that torch takes as they are.
_N_SEEDS = 2**64


@contextmanager
def seeded(*entropy: int) -> Iterator[None]:
    """Seed torch from integers inside the block; the user's random state is put back after it."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
    generators = _default_generators()
    states = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def rng_of(seed: int) -> torch.Generator:
    """Generator of the CPU from a seed, an integer of any size and type.

    Raises
    ------
    TypeError, ValueError
        If it is no integer, or negative.
    """
    seed = check_count(seed, "seed", minimum=0)
    if seed >= _N_SEEDS:
        seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    return torch.Generator("cpu").manual_seed(seed)


def _default_generators() -> list[torch.Generator]:
    """Of the CPU and of the GPU in use. (`torch.manual_seed` is slow where CUDA was never touched.)"""
    generators = [torch.default_generator]
    if torch.cuda.is_initialized():
        generators.append(torch.cuda.default_generators[torch.cuda.current_device()])
    if torch.backends.mps.is_available():
        generators.append(torch.mps._get_default_mps_generator())  # noqa: SLF001
    return generators
