"""Where training runs: what cannot work is refused in one sentence."""

from __future__ import annotations

import os

import torch

from scgde._checks import check_one_of

PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")


def check_devices(accelerator: str, devices: int | list[int] | str, strategy: str, precision: str) -> None:
    """Require what training can run on.

    On the CPU one process uses all threads; several, which do what several GPUs do, take a strategy that is named.

    Raises
    ------
    TypeError
        If ``accelerator`` is not text.
    ValueError
        If several devices are asked for on the CPU without a strategy or cores for them, or there is no such precision.
    """
    check_one_of(precision, "precision", PRECISIONS)
    if not isinstance(accelerator, str):
        msg = f'`accelerator` must be a name such as "auto", "cpu" or "gpu", got {accelerator!r}.'
        raise TypeError(msg)
    if not _is_cpu(accelerator) or devices in (1, "1", "auto"):
        return
    n_cores = os.cpu_count() or 1
    if strategy == "auto" or devices not in range(2, n_cores + 1):
        msg = (
            f"`devices` must be 1 on the CPU, of which training uses all threads, or 2 to {n_cores} with a `strategy` "
            f'such as "ddp", got {devices!r} and {strategy!r}.'
        )
        raise ValueError(msg)


def _is_cpu(accelerator: str) -> bool:
    has_other = torch.cuda.is_available() or torch.backends.mps.is_available()
    return accelerator == "cpu" or (accelerator == "auto" and not has_other)
