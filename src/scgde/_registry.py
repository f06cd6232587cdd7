from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from scgde._hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

E = TypeVar("E")
T = TypeVar("T")


class NameTable(Generic[E]):
    """Entries of one kind by name. Abstract: a registry adds its decorator ``register``.

    Parameters
    ----------
    kind
        What the entries are, for messages, e.g. ``"encoder"``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, E] = {}
        self._owners: dict[str, str] = {}

    def unregister(self, name: str) -> None:
        """Forget the entry of this name, e.g. to run the cell of a notebook that registers it again."""
        del self._entries[self.checked(name)], self._owners[name]

    def __getitem__(self, name: str) -> E:
        return self._entries[self.checked(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kind!r}, {sorted(self._entries)})"

    def _add(self, name: str, entry: E, owner: object) -> None:
        """File an entry under a name that is free; `owner` is the class or function to name in messages."""
        if name in self._entries:
            msg = f"A {self._kind} named {name!r} exists already: {self._owners[name]}. Choose another name."
            raise ValueError(msg)
        self._entries[name] = entry
        self._owners[name] = getattr(owner, "__qualname__", repr(owner))

    def checked(self, name: str) -> str:
        """The name itself, where it is known."""
        if not isinstance(name, str) or name not in self._entries:
            hint = self._hint(name)
            msg = f"`{self._kind}` must be one of {sorted(self._entries)}, got {name!r}.{hint}"
            raise ValueError(msg)
        return name

    def _hint(self, name: object) -> str:
        own = next((known for known, entry in self._entries.items() if entry is name), None)
        if own is not None:
            return f" Pass the name, {own!r}."
        if isinstance(name, type):
            return " Pass a name, not a class; a class of your own gets one with `register`."
        return did_you_mean(name, self._entries)


class Registry(NameTable[type[T]]):
    """Named classes of one kind: a new method is one file that registers itself."""

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator that files a class under ``name``; a name can be taken once."""

        def add(cls: type[T]) -> type[T]:
            self._add(name, cls, cls)
            return cls

        return add

    def make(self, name: str, *args: Any, options: dict[str, Any] | None, **fixed: Any) -> T:
        """An object of a class, with its options by keyword, but for those that are fixed.

        Raises
        ------
        TypeError
            If the class has no such option.
        """
        cls, options = self[name], options or {}
        known = _options_of(cls, fixed)
        unknown = [] if known is None else [option for option in options if option not in known]
        if unknown:
            msg = (
                f"`{self._kind}_kwargs` must be options of {name!r}, got {unknown}. "
                f"Options: {known}.{did_you_mean(unknown[0], known or ())}"
            )
            raise TypeError(msg)
        return cls(*args, **fixed, **options)

    def name_of(self, cls: type[T]) -> str:
        """Name under which a class is filed."""
        return next(name for name in self if self[name] is cls)


def _options_of(cls: type, fixed: Iterable[str]) -> list[str] | None:
    """Names of the keyword-only parameters of a class that are not fixed; None where it takes any."""
    parameters = inspect.signature(cls).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return [one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.name not in fixed]
