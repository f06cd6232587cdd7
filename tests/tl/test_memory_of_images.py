"""Images in a file: a fit never holds all of them as numbers."""

from __future__ import annotations

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

#: Of an image of bytes, images of a set, and sets of a small and of a large file.
SHAPE, SET_SIZE, N_SETS = (1, 28, 28), 2_500, (24, 84)
#: In a new process, so that nothing was allocated before: peak of a fit above what libraries and a small fit take.
FIT = """
import sys
from pathlib import Path
import anndata as ad, h5py, numpy as np, pandas as pd
from scgde import tl
from scgde.data.stores import _open

_open.MAX_COPY_BYTES = 0  # a small file would be copied
OPTIONS = {"max_steps": 2, "sets_per_batch": 2, "set_size": 10, "validation_fraction": 0, "progress_bar": False}

def fit(images, n_cells):
    obs = pd.DataFrame({"set": np.arange(len(images)) // n_cells}, index=np.arange(len(images)).astype(str))
    tl.fit_gde(ad.AnnData(obs=obs, obsm={"images": images}), "set", use_rep="images", **OPTIONS)

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

with h5py.File(sys.argv[1]) as file:
    fit(file["images"][:200], 50)
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    fit(file["images"], int(sys.argv[2]))
print(peak() - before)
"""


def peak_of_fit(path, n_sets):
    """Kilobytes."""
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (n_sets * SET_SIZE, *SHAPE), np.uint8, chunks=(50, *SHAPE))
        for i in range(n_sets):
            rng = np.random.default_rng(i)
            images[i * SET_SIZE : (i + 1) * SET_SIZE] = rng.integers(256, size=(SET_SIZE, *SHAPE), dtype=np.uint8)
    command = [sys.executable, "-W", "ignore", "-c", FIT, str(path), str(SET_SIZE)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="needs the memory counters of Linux")
def test_memory_of_a_fit_does_not_grow_as_images_do(tmp_path):
    small, large = (peak_of_fit(tmp_path / f"{n_sets}.h5", n_sets) for n_sets in N_SETS)
    more = (N_SETS[1] - N_SETS[0]) * SET_SIZE * np.prod(SHAPE) / 1e3
    # As numbers, the images would take four times as much. What is written and what the allocator keeps is below once.
    assert large - small < 2 * more
