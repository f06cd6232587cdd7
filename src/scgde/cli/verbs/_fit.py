from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import Device, File, GroupBy, Layer, Mask, MinCells, Output, Overwrite, Seed, Threads, UseRep
from scgde.cli._threads import limited_threads


def fit(
    file: File,
    groupby: GroupBy = None,
    output: Output = Path("fitted.h5ad"),
    use_rep: UseRep = None,
    layer: Layer = None,
    cells: Annotated[str | None, typer.Option(help="Kind of cells: vectors, counts, tokens, ...")] = None,
    mask: Mask = None,
    min_cells: MinCells = 2,
    time_key: Annotated[
        str | None, typer.Option(help="Column of times: fit transports from one time to the next.")
    ] = None,
    encoder: Annotated[str, typer.Option(help="Set encoder.")] = "pooled_gnn",
    generator: Annotated[str | None, typer.Option(help="Generator of cells. [default: by the kind of cells]")] = None,
    n_latent: Annotated[int | None, typer.Option(help="Dimensions of the embedding.")] = None,
    isometry: Annotated[
        float | None, typer.Option(help="Weight that ties latent distance to Wasserstein-2; default by kind of cells.")
    ] = None,
    label_key: Annotated[str | None, typer.Option(help="Column of a label that the embedding also learns.")] = None,
    batch_key: Annotated[str | None, typer.Option(help="Column of batches, which the embedding leaves out.")] = None,
    split_key: Annotated[
        str | None, typer.Option(help="Column of `obs` with train, validation and other sets.")
    ] = None,
    validation_fraction: Annotated[float, typer.Option(help="Share of sets that choose when to stop.")] = 0.1,
    max_steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    sets_per_batch: Annotated[int, typer.Option(help="Sets of each step.")] = 64,
    set_size: Annotated[int, typer.Option(help="Cells of each set of a step.")] = 100,
    device: Device = "auto",
    threads: Threads = None,
    checkpoint_dir: Annotated[
        Path | None, typer.Option(help="Folder of the training state: an interrupted fit resumes from it.")
    ] = None,
    seed: Seed = 0,
    key_added: Annotated[
        str | None, typer.Option(help="Name under which results are written. [default: gde; of transports, tde]")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit one embedding per set and write it to a file.

    The file holds the cells, the embeddings and the model itself. With --time-key the model also moves the cells of a
    set to those of another.

    Example: scgde fit cells.h5ad --groupby donor --output fitted.h5ad
    """
    with plain_messages(), limited_threads(threads):
        from scgde.cli._fit import run_fit

        options = {
            "use_rep": use_rep,
            "layer": layer,
            "cells": cells,
            "mask": mask,
            "min_cells": min_cells,
            "encoder": encoder,
            "n_latent": n_latent,
            "split_key": split_key,
            "validation_fraction": validation_fraction,
            "max_steps": max_steps,
            "sets_per_batch": sets_per_batch,
            "set_size": set_size,
            "accelerator": device,
            "checkpoint_dir": checkpoint_dir,
            "seed": seed,
        }
        # Options of one of the two models only, or with other defaults, where they were given.
        given = {
            "time_key": time_key,
            "generator": generator,
            "isometry": isometry,
            "label_key": label_key,
            "batch_key": batch_key,
            "key_added": key_added,
        }
        options |= {name: value for name, value in given.items() if value is not None}
        run_fit(file, groupby or [], output, options, overwrite=overwrite)
