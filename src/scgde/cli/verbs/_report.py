from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scgde.cli._console import plain_messages, say
from scgde.cli._options import FittedFile, Key, Overwrite, Seed, Threads
from scgde.cli._threads import limited_threads


def report(
    file: FittedFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="The html file to write.")] = Path("report.html"),
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Write one HTML page on a fit: sets, map, training, scores next to baselines, uncertainty, warnings.

    Example: scgde report fitted.h5ad --output report.html
    """
    with plain_messages() as notes, limited_threads(threads):
        from scgde.cli._files import check_output, read_fit, write_text
        from scgde.cli._fit_report import sections_of
        from scgde.cli._page import page

        check_output(output, overwrite=overwrite, suffix=".html")
        adata, key = read_fit(file, key)
        html = page(f"{file.name}, fit {key}", sections_of(adata, key, seed), notes)
        write_text(html, output, overwrite=overwrite)
        say(f"Wrote {output}: a page that any browser opens.")
