"""What the command line says: plain sentences, no tracebacks."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(text: str, *, style: str | None = None, error: bool = False) -> None:
    """Print lines as they are."""
    Console(stderr=error, highlight=False, soft_wrap=True).print(text, markup=False, style=style)


@contextmanager
def plain_messages() -> Iterator[dict[str, None]]:
    """Turn errors into one line and exit code 2, our own warnings into notes; silence libraries.

    Gives the notes so far, in order.
    """
    said: dict[str, None] = {}

    def note(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if str(message) not in said:
            say(f"Note: {message}", error=True)
        said[str(message)] = None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module=r"scgde\.")
        warnings.showwarning = note
        try:
            yield said
        except (KeyError, TypeError, ValueError, ArithmeticError, OSError, RuntimeError) as error:
            # The text of a KeyError is the repr of its message.
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            say(f"Error: {text}", style="red", error=True)
            raise typer.Exit(2) from None
