"""One progress bar for all calls that may take more than a few seconds."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import TqdmWarning

from scgde._hidden_progress import is_hidden
from scgde._settings import logger

with warnings.catch_warnings():
    # A notebook without ipywidgets has bars of text.
    warnings.simplefilter("ignore", TqdmWarning)
    from tqdm.auto import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

#: Seconds before a bar is shown, so that short calls show none.
DELAY = 3.0


def progress(items: Iterable[T], name: str, *, unit: str, total: int | None = None) -> Iterator[T]:
    """Go through items with a bar, which stays at the end with the time that was taken."""
    with progress_bar(name, unit=unit, items=items, total=total) as bar:
        yield from bar


def progress_bar(
    name: str,
    *,
    unit: str,
    total: int | None = None,
    items: Iterable[Any] | None = None,
    initial: int = 0,
    delay: float | None = None,
    show: bool = True,
) -> tqdm:
    """A bar that is moved by hand; it shows where ``scgde.settings.verbosity`` is ``"info"`` or more.

    Parameters
    ----------
    name, unit
        What goes on, and what is counted.
    total, items, initial
        How many there are, what they are, and how many were done before.
    delay
        Seconds before the bar is shown.
    show
        Whether one is wanted at all.
    """
    return tqdm(
        items,
        desc=name,
        unit=unit,
        total=total,
        initial=initial,
        delay=DELAY if delay is None else delay,
        leave=True,
        disable=is_hidden() or not (show and logger.isEnabledFor(logging.INFO)),
    )
