"""Whether progress bars are hidden, for the length of a call."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_hidden: ContextVar[bool] = ContextVar("hidden", default=False)


def is_hidden() -> bool:
    """Whether no bar is to be shown now."""
    return _hidden.get()


@contextmanager
def hidden_progress(*, hide: bool = True) -> Iterator[None]:
    """No bars of the parts of a call that has a bar of its own, or that was asked for none."""
    token = _hidden.set(hide or _hidden.get())
    try:
        yield
    finally:
        _hidden.reset(token)
