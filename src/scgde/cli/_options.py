"""Options that several commands take, under one name and with one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Argument(help="An h5ad file.", show_default=False)]
FittedFile = Annotated[Path, typer.Argument(help="An h5ad file that `scgde fit` wrote.", show_default=False)]
Output = Annotated[Path, typer.Option("--output", "-o", help="The h5ad file to write.")]
Table = Annotated[
    Path | None, typer.Option("--output", "-o", help="A csv file for the full table. [default: none is written]")
]
GroupBy = Annotated[
    list[str] | None,
    typer.Option("--groupby", "-g", help="Column of `obs` that names the set of a cell; repeat to combine columns."),
]
UseRep = Annotated[
    str | None,
    typer.Option(help="Entry of `obsm` with the features, or X. [default: X_pca if there, else X]"),
]
Layer = Annotated[str | None, typer.Option(help="Layer with the features.")]
Mask = Annotated[str | None, typer.Option(help="Boolean column of `obs`: cells with False are left out.")]
MinCells = Annotated[int, typer.Option(help="Smaller sets are dropped.")]
NCells = Annotated[int, typer.Option(help="Cells to generate for each set.")]
Key = Annotated[str | None, typer.Option(help="Name of the fit. [default: the only one in FILE]")]
KeyAdded = Annotated[str | None, typer.Option(help="Name under which results are written. [default: that of the fit]")]
Decode = Annotated[bool, typer.Option("--decode", help="Write genes, through the principal components or a decoder.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Threads = Annotated[int | None, typer.Option(help="CPU threads. [default: those of OMP_NUM_THREADS, else all cores]")]
Device = Annotated[str, typer.Option("--device", "--accelerator", help="auto, cpu, gpu, ...")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")]
