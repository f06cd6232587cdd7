"""Names of sets and categories, cut to the room that a figure has."""

from __future__ import annotations

#: Longer names of categories are cut in the middle: the end often distinguishes them.
MAX_NAME = 26


def shorten(name: str, *, length: int = MAX_NAME) -> str:
    """``name`` with its middle cut out where it is longer than ``length``."""
    n_last = (length - 1) // 3 + 1
    return name if len(name) <= length else f"{name[: length - 1 - n_last]}…{name[-n_last:]}"


def shorten_distinctly(names: list[str]) -> list[str]:
    """Names that fit; where one would not, what all have in common is left out first."""
    if max(map(len, names)) <= MAX_NAME:
        return names
    n_first = _n_common(names)
    n_last = _n_common([name[n_first:][::-1] for name in names])
    first, last = ("…" if n > 3 else "" for n in (n_first, n_last))
    cut = [name[n_first if first else 0 : len(name) - n_last if last else None] for name in names]
    return [shorten(f"{first}{middle}{last}") for middle in cut]


def _n_common(names: list[str]) -> int:
    """Letters that all names begin with."""
    return next(
        (i for i, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), min(map(len, names))
    )
