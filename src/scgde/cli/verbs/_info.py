from __future__ import annotations

from scgde.cli._console import plain_messages, say
from scgde.cli._options import FittedFile


def info(file: FittedFile) -> None:
    """Show what the fits in FILE hold: sets, cells, features, model, steps, best validation loss.

    Example: scgde info fitted.h5ad
    """
    with plain_messages():
        from scgde.cli._files import read_header
        from scgde.cli._fits import describe, fits_of

        adata = read_header(file)
        say(f"{file}: {adata.n_obs:,} cells, {adata.n_vars:,} variables")
        for key in fits_of(adata):
            say(f"\n{key}")
            lines = describe(adata, key)
            width = max(map(len, lines))
            say("\n".join(f"  {name:<{width}}  {value}" for name, value in lines.items()))
