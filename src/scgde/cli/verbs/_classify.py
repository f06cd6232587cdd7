from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import FittedFile, Key, Overwrite, Seed, Table, Threads
from scgde.cli._threads import limited_threads


def classify(
    file: FittedFile,
    label_key: Annotated[str, typer.Argument(help="Column of labels, constant within sets.", show_default=False)],
    unlabeled: Annotated[list[str] | None, typer.Option(help="Value for no label; repeat for more.")] = None,
    mode: Annotated[str, typer.Option(help="probe, joint or supervised.")] = "probe",
    n_splits: Annotated[int, typer.Option(help="Parts of the labelled sets, each tested once.")] = 5,
    predictions: Annotated[
        Path | None, typer.Option(help="An h5ad file to write the predictions to. [default: none is written]")
    ] = None,
    output: Table = None,
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Predict a label of sets, and score that by cross-validation next to baselines.

    Example: scgde classify fitted.h5ad disease --output scores.csv
    """
    with plain_messages(), limited_threads(threads):
        import sys

        from scgde import tl
        from scgde.cli._files import check_output, check_table, read_fit, write_output, write_table
        from scgde.cli._tables import print_table

        check_table(output, overwrite=overwrite)
        if predictions is not None:
            check_output(predictions, overwrite=overwrite)
        adata, key = read_fit(file, key)
        options: dict[str, Any] = {"unlabeled": unlabeled or None, "mode": mode, "n_splits": n_splits}
        options["progress_bar"] = sys.stderr.isatty()
        scores = tl.classify(adata, label_key, key=key, seed=seed, **options)
        print_table(scores.set_index(scores.columns[0]), f"Prediction of {label_key}, by cross-validation")
        write_table(scores, output, overwrite=overwrite)
        if predictions is not None:
            write_output(adata, predictions, f"predictions in `obs['{label_key}_predicted']`", overwrite=overwrite)
