from __future__ import annotations

from scgde.cli._console import plain_messages
from scgde.cli._options import FittedFile, Key, Overwrite, Seed, Table, Threads
from scgde.cli._threads import limited_threads


def score(
    file: FittedFile,
    output: Table = None,
    key: Key = None,
    seed: Seed = 0,
    threads: Threads = None,
    overwrite: Overwrite = False,
) -> None:
    """Score generated cells of held-out sets, or forecasts of held-out pairs, next to simple baselines.

    Example: scgde score fitted.h5ad --output scores.csv
    """
    with plain_messages(), limited_threads(threads):
        from scgde.cli._files import check_table, read_fit, write_table
        from scgde.cli._scores import score_fit
        from scgde.cli._tables import print_table

        check_table(output, overwrite=overwrite)
        adata, key = read_fit(file, key)
        scores = score_fit(adata, key, seed)
        print_table(scores.ranked(), scores.title)
        write_table(scores.table, output, overwrite=overwrite)
