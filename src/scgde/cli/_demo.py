from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scanpy as sc

from scgde import _keys, datasets, pl, pp, tl
from scgde.cli._console import say
from scgde.cli._files import read_cells, write_cells
from scgde.cli._fit import as_groupby, require_groupby
from scgde.cli._report import Outcome, columns_to_draw, print_scores, spread_over_scores, wrapped_title

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd
    from anndata import AnnData

MIN_SETS = 5
SET, SPLIT = "demo_set", "demo_split"
QUICK_STEPS = 20
#: Generated cells of a set in a figure.
MAX_SHOWN = 300
#: Random partitions of each held-out set that a score averages.
REPEATS = 5


class Settings(NamedTuple):
    """Options of the command."""

    use_rep: str | None
    layer: str | None
    min_cells: int
    max_steps: int
    seed: int
    device: str
    quick: bool


class Case(NamedTuple):
    """Cells, the columns that name their sets, and what they are."""

    name: str
    what: str
    adata: AnnData
    groupby: list[str]
    #: Of the sets: to train, to choose when to stop, to score.
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2)
    stratify: str | None = None
    #: Column that is removed from the embedding.
    batch: str | None = None


def run_demo(file: Path | None, groupby: list[str], folder: Path, settings: Settings) -> None:
    """Run each case, then print one table of scores and where the files are.

    Raises
    ------
    ValueError
        If ``file`` comes without ``groupby``, or the other way round.
    """
    cases = _bundled(settings) if file is None else _from_file(file, groupby)
    if file is None and (groupby or settings.use_rep or settings.layer):
        msg = "`--groupby`, `--use-rep` and `--layer` need a FILE, got none. Pass one, or leave them out."
        raise ValueError(msg)
    outcomes = [_run(case, folder / case.name, settings) for case in cases]
    print_scores(outcomes)
    if settings.quick:
        say("With --quick the scores mean nothing: so few steps show that all runs, no more.\n")
    say("Written: " + ", ".join(f"{folder / outcome.name}/" for outcome in outcomes))
    say("Each folder holds the cells with the fit (h5ad), the scores (csv) and figures (png).")


def _bundled(settings: Settings) -> Iterator[Case]:
    n_donors, n_cells = (20, (20, 60)) if settings.quick else (60, (20, 400))
    cohort = datasets.cohort(n_donors, n_cells=n_cells, seed=settings.seed)
    sc.pp.pca(cohort, n_comps=30)
    yield Case("cohort", "simulated donors in three batches, which are removed", cohort, ["donor"], batch="batch")
    pbmc = sc.datasets.pbmc68k_reduced()
    # One donor only: its cell types in each phase stand in for the sets of a study. They are few, so that none
    # can be spared to choose when to stop, and one in four is held out, with the other phases of its type seen.
    what = "real blood cells of one donor; a set is a cell type in a phase of the cell cycle"
    yield Case("pbmc68k", what, pbmc, ["bulk_labels", "phase"], (0.75, 0, 0.25), "bulk_labels")


def _from_file(file: Path, groupby: list[str]) -> Iterator[Case]:
    adata = read_cells(file)
    require_groupby(groupby, list(adata.obs))
    yield Case(file.stem, f"sets by {', '.join(groupby)}", adata, groupby)


def _run(case: Case, folder: Path, settings: Settings) -> Outcome:
    start = time.monotonic()
    adata, steps = case.adata, QUICK_STEPS if settings.quick else settings.max_steps
    say(f"{case.name}: {adata.n_obs:,} cells, {case.what}; fitting for up to {steps:,} steps ...")
    _split(case, settings)
    tl.fit_gde(
        adata,
        as_groupby(case.groupby),
        use_rep=settings.use_rep,
        layer=settings.layer,
        min_cells=settings.min_cells,
        batch_key=case.batch,
        split_key=SPLIT,
        max_steps=steps,
        seed=settings.seed,
        accelerator=settings.device,
        progress_bar=sys.stderr.isatty(),
    )
    scores = tl.score_generation(adata, n_repeats=1 if settings.quick else REPEATS, seed=settings.seed)
    folder.mkdir(parents=True, exist_ok=True)
    scores.to_csv(folder / "scores.csv", index=False)
    _draw(adata, scores, folder, settings.seed)
    write_cells(adata, folder / f"{case.name}.h5ad")
    return Outcome(case.name, adata.uns["gde"][_keys.SETS][_keys.SPLIT], scores, time.monotonic() - start)


def _split(case: Case, settings: Settings) -> None:
    pp.make_sets(case.adata, case.groupby, min_cells=settings.min_cells, key_added=SET)
    n_sets = len(case.adata.uns[SET]["sets"])
    if n_sets < MIN_SETS:
        msg = (
            f"{MIN_SETS} sets of {settings.min_cells} cells are required to hold one in five out, "
            f"got {n_sets}. Choose a finer `--groupby`, or fit all sets with `scgde fit`."
        )
        raise ValueError(msg)
    pp.split_sets(
        case.adata,
        key=SET,
        fractions=case.fractions,
        stratify_key=case.stratify,
        seed=settings.seed,
        key_added=SPLIT,
    )


def _draw(adata: AnnData, scores: pd.DataFrame, folder: Path, seed: int) -> None:
    columns = columns_to_draw(adata.uns["gde"][_keys.SETS], without=(SET, SPLIT))
    pl.embedding(adata, color=columns, save=folder / "embedding.png", show=False)
    pl.history(adata, save=folder / "history.png", show=False)
    _draw_generated(adata, spread_over_scores(scores), folder / "generated.png", seed)


def _draw_generated(adata: AnnData, scores: pd.DataFrame, path: Path, seed: int) -> None:
    """Observed cells under as many generated ones."""
    n_shown = scores[_keys.N_CELLS].clip(upper=MAX_SHOWN)
    cells = tl.generate(adata, scores["set"].tolist(), n_cells=int(n_shown.max()), seed=seed)
    rank = cells.obs.groupby("set", observed=True).cumcount().to_numpy()
    cells = cells[rank < np.repeat(n_shown, n_shown.max())].copy()
    titles = [wrapped_title(name, score) for name, score in zip(scores["set"], scores["generated"], strict=True)]
    pl.generated(adata, cells, title=titles, save=path, show=False)
