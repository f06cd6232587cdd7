from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import Device, GroupBy, Layer, MinCells, Seed, Threads, UseRep
from scgde.cli._threads import limited_threads


def demo(
    file: Annotated[Path | None, typer.Argument(help="An h5ad file.")] = None,
    groupby: GroupBy = None,
    use_rep: UseRep = None,
    layer: Layer = None,
    min_cells: MinCells = 10,
    max_steps: Annotated[int, typer.Option(help="Optimiser steps.")] = 500,
    seed: Seed = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results.")] = Path("scgde_demo"),
    device: Device = "auto",
    threads: Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="A few steps, to see that all works.")] = False,
) -> None:
    """Fit, score generated cells on held-out sets, draw.

    Without FILE: simulated donors, and real blood cells that scanpy brings; nothing is downloaded.

    Example: scgde demo cells.h5ad --groupby donor
    """
    with plain_messages(), limited_threads(threads):
        from scgde.cli._demo import Settings, run_demo

        settings = Settings(use_rep, layer, min_cells, max_steps, seed, device, quick)
        run_demo(file, groupby or [], output, settings)
