"""How much is said: levels of logging, named as in scanpy."""

from __future__ import annotations

import logging

from scgde._hints import did_you_mean

logger = logging.getLogger("scgde")

#: By name, the least important messages that are passed on. Numbers as in scanpy: 0 for errors only.
LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "hint": 15,
    "debug": logging.DEBUG,
}


class Settings:
    """Settings of the package, ``scgde.settings``.

    Examples
    --------
    >>> import scgde
    >>> scgde.settings.verbosity = "warning"  # no progress bars
    >>> scgde.settings.verbosity = 2
    >>> scgde.settings.verbosity
    'info'
    """

    def __init__(self) -> None:
        self.verbosity = "info"

    @property
    def verbosity(self) -> str:
        """``"error"``, ``"warning"``, ``"info"`` (the default), ``"hint"`` or ``"debug"``; or 0 to 4.

        The level of ``logging.getLogger("scgde")``. Progress bars are shown from ``"info"``.
        """
        return next(name for name, level in LEVELS.items() if level == logger.level)

    @verbosity.setter
    def verbosity(self, value: str | int) -> None:
        names = list(LEVELS)
        if isinstance(value, int) and 0 <= value < len(names):
            value = names[value]
        if value not in LEVELS:
            hint = did_you_mean(value, names)
            msg = f"`verbosity` must be one of {names}, or 0 to {len(names) - 1}, got {value!r}.{hint}"
            raise ValueError(msg)
        logger.setLevel(LEVELS[str(value)])


settings = Settings()
