from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scgde._checks import check_count

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def limited_threads(n: int | None) -> Iterator[None]:
    """At most ``n`` CPU threads of torch and of linear algebra; None: as many as the libraries choose.

    Raises
    ------
    ValueError
        If ``n`` is below 1.
    """
    if n is None:
        yield
        return
    n = check_count(n, "--threads")
    # For libraries that are still to load; those that are loaded are limited below.
    os.environ["OMP_NUM_THREADS"] = str(n)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n):
        yield
