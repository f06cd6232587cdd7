"""How much time do the shared terms, narrow batches and fused updates save, and are the results the same?

Each row times two ways to compute the same, in turns within one process: ``direct``, the formula as it is written
down, and ``now``, as the package computes it. ``ratio`` is the median over turns of the CPU seconds of now over direct,
so that it hardly depends on what else runs, ``times`` its inverse; ``difference`` is the largest relative
difference of the results.

distances: every two donors by each metric. tests: ``tl.compare_all_sets`` of 300 donors. uncertainty: influence on an
embedding that begins with moments. predictor: cross-validation of the kernel predictor on LARRY clones, with the score
of what was chosen on other clones. step: training steps on small sets. overhead: ``train`` with validation over a bare
loop. draw: one of a million weighted sets. embedding: of 300,000 cells in batches of 65,536, as on a GPU, and of 8,192.
threads: two threads beside other work, waiting actively and passively. imports: first embedding by a stored model in a
new process, against the import of scvi-tools.

    python benchmarks/speed.py distances
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import scgde
from _common import DATA, igan_donors, report
from _direct_formulas import (
    influence_of_each_dimension,
    options_one_at_a_time,
    statistics_of_all_pairs,
)
from scgde import tl
from scgde.data import BatchSpec, CellSets, SetBatchDataset, SetIndex
from scgde.data._cumulative import CumulativeTable
from scgde.data._datamodule import gather_cells
from scgde.metrics import METRICS
from scgde.metrics._all_pairs import EachPair
from scgde.metrics._between_sets import between_sets
from scgde.model import GDE, _inference
from scgde.module import GDEModule
from scgde.nn.cells import CellSpec
from scgde.results import FittedSets
from scgde.train import seeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from anndata import AnnData

    from scgde.nn.cells import SetBatch


def compared(what: str, direct: Callable[[], Any], now: Callable[[], Any], *, turns: int, clock: Any = None) -> dict:
    """A row: seconds of both in turns, their ratio, and how far the results differ."""
    clock = clock or time.process_time
    seconds, results = np.empty((turns, 2)), [None, None]
    for turn in range(turns):
        for arm, compute in enumerate((direct, now)):
            start = clock()
            results[arm] = compute()
            seconds[turn, arm] = clock() - start
    row = {"what": what, "turns": turns, "direct": np.median(seconds[:, 0]), "now": np.median(seconds[:, 1])}
    ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
    return row | {"ratio": ratio, "times": 1 / ratio, "difference": _difference(*results)}


def _difference(a: Any, b: Any) -> float:
    if a is None or b is None:
        return np.nan
    a, b = (np.asarray(x, dtype=float) for x in (a, b))
    return float(np.nanmax(np.abs(a - b)) / np.nanmax(np.abs(a)))


def distances() -> list[dict]:
    """All metrics that have terms of one set."""
    adata = igan_donors()
    codes = adata.obs["donor"].astype("category").cat.codes.to_numpy()
    clouds = [adata.X[codes == i][:200] for i in range(codes.max() + 1)]
    pooled = np.concatenate(clouds)[:: len(codes) // 2000].astype(float)
    rows = []
    for name, n_sets in {"energy": 634, "gaussian_wasserstein": 634, "mmd": 200, "sinkhorn": 30}.items():
        some, entry = clouds[:n_sets], METRICS[name]
        direct, now = EachPair(entry.prepare(pooled)), entry.prepare_all_pairs(pooled)
        arms = [lambda metric=metric, some=some: between_sets(some, metric) for metric in (direct, now)]
        rows.append(compared(name, *arms, turns=1) | {"sets": len(some)})
    return rows


def tests() -> list[dict]:
    """Tests of all pairs of 300 donors."""
    adata = _fitted_donors(n_donors=300)
    tl.uncertainty(adata)
    now = lambda: tl.compare_all_sets(adata)["statistic"].to_numpy()  # noqa: E731
    return [compared("compare_all_sets", lambda: statistics_of_all_pairs(adata), now, turns=1)]


def _fitted_donors(n_donors: int = 634) -> AnnData:
    adata = igan_donors()
    adata = adata[adata.obs["donor"].isin(adata.obs["donor"].unique()[:n_donors])].copy()
    tl.fit_gde(adata, "donor", min_cells=2, max_steps=20, progress_bar=False)
    return adata


def uncertainty() -> list[dict]:
    """Influence of 16,000 cells on all dimensions, with and without moments."""
    x, rows = torch.randn(40, 400, 50, generator=torch.Generator().manual_seed(0)), []
    weights = torch.full((40, 400), 1 / 400)
    for moments in (False, True):
        module = GDE(cells=CellSpec.vectors(50), moments=moments).module
        eye = torch.eye(module.n_embed)
        arms = (
            lambda module=module: influence_of_each_dimension(module, x, weights).numpy(),
            lambda module=module, eye=eye: module.influence(x, weights, eye).numpy(),
        )
        what = f"influence, {module.n_embed} dimensions" + ", most of them moments" * moments
        with torch.no_grad():
            rows.append(compared(what, *arms, turns=3))
    return rows


def predictor() -> list[dict]:
    """Cross-validation on the pairs of LARRY clones, and the quality of both choices on other clones."""
    source, target, options = _clone_pairs()
    groups, rows = np.asarray(options.pop("groups")), []
    for seed in range(3):
        names = np.unique(groups)
        is_test = np.isin(groups, np.random.default_rng(seed).permutation(names)[: len(names) // 4])
        pairs = {name: np.asarray(value)[~is_test] for name, value in options.items() if value is not None}
        new = {name: np.asarray(value)[is_test] for name, value in options.items() if value is not None}

        def fit(pairs: dict = pairs, is_test: np.ndarray = is_test, seed: int = seed) -> Any:
            kernel = scgde.predictors.Kernel()
            return kernel.fit(source[~is_test], target[~is_test], groups=groups[~is_test], seed=seed, **pairs)

        fits: list[Any] = []

        def direct(fit: Any = fit, fits: list = fits) -> None:
            with options_one_at_a_time(1000):
                fits.append(fit())

        row = compared("kernel predictor", direct, lambda fit=fit, fits=fits: fits.append(fit()), turns=1)
        scores = [_energy_score(one, source[is_test], target[is_test], new) for one in fits]
        rows.append(row | {"seed": seed, "score_direct": scores[0], "score_now": scores[1]})
    return rows


class _Recorded(Exception):
    """What was asked for is known: no fit is needed."""


def _clone_pairs() -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """What ``tl.fit_tde`` gives its predictor."""
    read, found = DATA["larry"][0], {}
    fit, kernel = scgde.predictors.Kernel.fit, scgde.predictors.Kernel

    def recorded(self: Any, source: Any, target: Any, **options: Any) -> Any:
        found.update(source=source, target=target, options=options)
        raise _Recorded

    kernel.fit = recorded
    try:
        with suppress(_Recorded):
            tl.fit_tde(read(), "clone_id", time_key="day", min_cells=4, max_steps=200, progress_bar=False)
    finally:
        kernel.fit = fit
    options = {name: value for name, value in found["options"].items() if name != "seed"}
    return found["source"], found["target"], options


def _energy_score(predictor: Any, source: np.ndarray, target: np.ndarray, new: dict[str, Any]) -> float:
    """Of draws as forecasts of targets that were not seen; less is better."""
    draws = predictor.draw(source, n_draws=64, rng=np.random.default_rng(0), **new)
    error = np.linalg.norm(draws - target[:, None], axis=2).mean()
    spread = [np.linalg.norm(one[:, None] - one, axis=2).sum() / (64 * 63) for one in draws]
    return float(error - 0.5 * np.mean(spread))


def embedding() -> list[dict]:
    """Cells in large batches, and in those of which a CPU keeps the memory."""
    model = GDE.from_cell_sets(FittedSets.read(_fitted_donors(), "gde").cells, n_latent=32)
    n_features = model.module.spec.size
    x = np.random.default_rng(0).standard_normal((300_000, n_features)).astype(np.float32)

    def embed(n_cells: int, n_sets: int) -> np.ndarray:
        _inference._MAX_CELLS_ON_CPU = n_cells  # noqa: SLF001
        return model.embed(x, np.arange(len(x)) % n_sets)

    sizes = {"300 sets": 300, "3 large sets": 3}
    return [
        compared(f"embedding, {name}", lambda n=n: embed(65_536, n), lambda n=n: embed(8_192, n), turns=5)
        for name, n in sizes.items()
    ]


def step() -> list[dict]:
    """Forward, backward and update on clones and donors: all slots and a plain update, and as it is."""
    rows = []
    for name, (read, columns, min_cells) in DATA.items():
        batches, n_features = _batches(read(), columns, min(min_cells, 3), n_batches=5)
        arms = [_trainer(n_features, fused=fused) for fused in (False, True)]
        wide = [batch._replace(widths=()) for batch in batches]
        run = (lambda arms=arms, wide=wide: arms[0](wide), lambda arms=arms, batches=batches: arms[1](batches))
        rows.append(compared(f"5 steps, {name}", *run, turns=5))
    return rows


def _batches(adata: AnnData, columns: list[str], min_cells: int, *, n_batches: int) -> tuple[list[SetBatch], int]:
    scgde.pp.make_sets(adata, columns, min_cells=min_cells)
    cells = CellSets.from_registered(adata, set_key="set")
    drawn = SetBatchDataset(cells.index, np.arange(cells.index.n_sets), BatchSpec(), steps=range(n_batches), seed=0)
    return [gather_cells(cells, drawn[i]) for i in range(n_batches)], adata.n_vars


def _trainer(n_features: int, *, fused: bool) -> Callable[[list[SetBatch]], np.ndarray]:
    """Takes a step with each batch from the same start, and returns the losses."""
    with seeded(0):
        module = GDEModule(CellSpec.vectors(n_features), 32, encoder="pooled_gnn", generator="flow_matching")
    start = {name: value.clone() for name, value in module.state_dict().items()}

    def train(batches: list[SetBatch]) -> np.ndarray:
        module.load_state_dict(start)
        optimizer, losses = torch.optim.AdamW(module.parameters(), lr=2e-3, fused=fused), []
        for i, batch in enumerate(batches):
            optimizer.zero_grad()
            with seeded(i):
                loss = module(batch)[-1].loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss.detach()))
        return np.array(losses)

    return train


def overhead(n_steps: int = 300, n_batches: int = 100) -> list[dict]:
    """A fit with validation, and its steps and validation losses alone, on cells that are drawn beforehand."""
    read, columns, _ = DATA["igan"]
    drawn, n_features = _batches(read(), columns, 2, n_batches=n_batches)
    batches = drawn * (n_steps // n_batches)
    train = _trainer(n_features, fused=True)
    n_validated = 4 * n_steps // 50
    cells = FittedSets.read(_fitted_donors(), "gde").cells

    def bare() -> None:
        train(batches)
        _forward(n_features, batches[:n_validated])

    def fit() -> None:
        model = GDE.from_cell_sets(cells, n_latent=32)
        model.train(n_steps, patience=None, progress_bar=False)

    return [compared(f"{n_steps} steps", bare, fit, turns=1)]


@torch.no_grad()
def _forward(n_features: int, batches: list[SetBatch]) -> None:
    module = GDEModule(CellSpec.vectors(n_features), 32, encoder="pooled_gnn", generator="flow_matching")
    for batch in batches:
        module(batch)


def draw(n_sets: int = 1_000_000) -> list[dict]:
    """64 of a million sets, in proportion to their weights."""
    weights = np.random.default_rng(0).uniform(0.1, 1, n_sets)
    share, table = weights / weights.sum(), CumulativeTable(weights)
    arms = (
        lambda: np.random.default_rng(1).choice(n_sets, 64, p=share),
        lambda: table.draw(64, rng=np.random.default_rng(1)),
    )
    index = SetIndex(np.arange(n_sets), np.arange(n_sets + 1))
    spec = {"steps": range(9), "seed": 0, "probabilities": share}
    batches = SetBatchDataset(index, np.arange(n_sets), BatchSpec(), **spec)
    start = time.process_time()
    for i in range(9):
        batches[i]
    return [compared("draw of sets", *arms, turns=9) | {"batch": (time.process_time() - start) / 9}]


#: Wall seconds of sixty products and hyperbolic tangents of small matrices.
_MATMULS = """
import sys, time, scgde, torch
torch.set_num_threads(int(sys.argv[1]))
x = torch.randn(300, 300)
for _ in range(5): x @ x
start = time.perf_counter()
for _ in range(60): (x @ x).tanh_()
print(time.perf_counter() - start)
"""


def threads(turns: int = 5) -> list[dict]:
    """One and two threads, waiting as scgde asks for or actively, while a process on each core computes."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    arms = {"1 thread": (1, {}), "2 threads": (2, {}), "2 threads, active": (2, {"OMP_WAIT_POLICY": "ACTIVE"})}
    try:
        seconds = {name: [_wall_seconds(*arm) for _ in range(turns)] for name, arm in arms.items()}
    finally:
        for process in busy:
            process.kill()
    base = np.median(seconds["1 thread"])
    return [
        {"what": name, "turns": turns, "now": np.median(values), "ratio": np.median(values) / base}
        for name, values in seconds.items()
    ]


def _wall_seconds(n_threads: int, policy: dict[str, str]) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")} | policy
    command = [sys.executable, "-c", _MATMULS, str(n_threads)]
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def imports() -> list[dict]:
    """A new process that embeds the sets of a file by the model in it; direct is ``import scvi`` and no more."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fitted.h5ad")
        _fitted_donors().write_h5ad(path)
        embed = f"import anndata, scgde; a = anndata.read_h5ad({str(path)!r}); scgde.tl.embed(a, a)"
        arms = [lambda code=code: _in_new_process(code) for code in ("import scvi", embed)]
        return [compared("first embedding", *arms, turns=3, clock=_children)]


def _in_new_process(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


PARTS = {
    function.__name__: function
    for function in (distances, tests, uncertainty, predictor, embedding, step, overhead, draw, threads, imports)
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("part", choices=list(PARTS))
    options.add_argument("--threads", type=int, default=1, help="CPU threads")
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    report(PARTS[arguments.part](), f"speed_{arguments.part}", seeds=[0])


if __name__ == "__main__":
    main()
