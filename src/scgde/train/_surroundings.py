"""The state of torch that networks are made for, whatever the user has set; all of it is put back."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The state of torch, as its random generators, belongs to the process: one thread at a time may set it.
_LOCK = threading.RLock()
_inside = threading.local()


@contextmanager
def own_surroundings() -> Iterator[None]:
    """Run a block, or a function that this decorates, with torch as it is by default, one thread at a time.

    Default type float32, default device the CPU, gradients on, neither inference mode nor autocast. A call within
    another changes nothing. Threads that call in the meantime wait, so that a fit gives the same numbers as alone.
    """
    if getattr(_inside, "value", False):
        yield
        return
    with _LOCK, ExitStack() as stack:
        _inside.value = True
        stack.callback(setattr, _inside, "value", False)  # noqa: FBT003
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float32)
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        # A device context costs time in every call of torch.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield
