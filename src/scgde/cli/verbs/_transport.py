from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scgde.cli._console import plain_messages
from scgde.cli._options import Decode, FittedFile, Key, Output, Overwrite, Seed, Threads
from scgde.cli._threads import limited_threads


def transport(
    file: FittedFile,
    source: Annotated[str, typer.Argument(help="Name of the set whose cells are moved.", show_default=False)],
    target: Annotated[str | None, typer.Argument(help="Name of the set to move them to.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(help="Without TARGET: the time to forecast. [default: the next]")] = None,
    output: Output = Path("transported.h5ad"),
    n_times: Annotated[int, typer.Option(help="Times of each cell: 1 for where it arrives, more for its path.")] = 1,
    n_draws: Annotated[int, typer.Option(help="Without TARGET: draws of where the source goes.")] = 20,
    decode: Decode = False,
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Move the cells of a set to another set or, without TARGET, forecast where they go.

    FILE is of `scgde fit --time-key`.

    Example: scgde transport fitted.h5ad 'clone_7|2' 'clone_7|6'
    """
    with plain_messages(), limited_threads(threads):
        from scgde import tl
        from scgde.cli._files import check_output, read_fit, write_output

        check_output(output, overwrite=overwrite)
        adata, key = read_fit(file, key)
        options: dict[str, Any] = {"n_times": n_times, "decode": decode, "key": key, "seed": seed}
        if target is None:
            cells = tl.forecast(adata, source, to=_number_or_text(to), n_draws=n_draws, **options)
        else:
            cells = tl.transport(adata, source, target, **options)
        write_output(
            cells,
            output,
            f"{cells.n_obs:,} transported cells",
            overwrite=overwrite,
        )


def _number_or_text(value: str | None) -> float | str | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return value
