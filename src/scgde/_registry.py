from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")


class Registry(Generic[T]):
    """Named classes of one kind: a new method is one file that registers itself.

    Parameters
    ----------
    kind
        What the entries are, for messages, e.g. ``"encoder"``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._classes: dict[str, type[T]] = {}

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that files a class under ``name``; a name can be taken once."""

        def add(cls: type[T]) -> type[T]:
            if name in self._classes:
                taken = self._classes[name].__qualname__
                msg = f"A {self._kind} named {name!r} exists already: {taken}. Choose another name."
                raise ValueError(msg)
            self._classes[name] = cls
            return cls

        return add

    def __getitem__(self, name: str) -> type[T]:
        try:
            return self._classes[name]
        except (KeyError, TypeError):
            msg = f"`{self._kind}` must be one of {sorted(self._classes)}, got {name!r}."
            raise ValueError(msg) from None

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def __len__(self) -> int:
        return len(self._classes)

    def __repr__(self) -> str:
        return f"Registry({self._kind}: {', '.join(self)})"
