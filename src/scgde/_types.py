from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: One obs column, or several that together name a set.
GroupBy = str | Sequence[str]
#: Plain values only: what JSON can hold.
Config = dict[str, Any]
