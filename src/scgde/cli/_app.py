"""The application and its commands. Heavy libraries load within a command, so that help is fast."""

from __future__ import annotations

from typing import Annotated

import typer

from scgde import __version__
from scgde.cli import verbs
from scgde.cli._console import say

app = typer.Typer(
    help="Generative distribution embeddings for sets of cells: donors, clones, perturbations, time points.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        say(f"scgde {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Generative distribution embeddings for sets of cells: donors, clones, perturbations, time points."""


for name in verbs.__all__:
    app.command(name)(getattr(verbs, name))
