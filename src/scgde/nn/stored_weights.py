"""Stored models from others: refused by one sentence, and before memory is taken for what they only claim."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.modules import module as torch_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

#: Registrations of parts of a network, per array that is stored for it: parts without an array are few.
_PARTS_PER_ARRAY, _MORE_PARTS = 8, 1000
#: Values of a buffer that is not stored, such as indices, per value that is.
_VALUES_PER_VALUE, _MORE_VALUES = 2, 2**16
#: Buffers that others are divided by.
_DIVISORS = ("scale", "unit")


class StoredModelError(ValueError):
    """A stored model that cannot be read: damaged, changed, of another kind, or not by scgde.

    Examples
    --------
    >>> import scgde
    >>> del adata.uns["gde"]["model"]["state"]
    >>> scgde.tl.generate(adata)
    Traceback (most recent call last):
        ...
    scgde.nn.stored_weights.StoredModelError: ...
    """


@contextmanager
def one_sentence() -> Iterator[None]:
    """Turn whatever goes wrong with the content of a stored model into a :class:`StoredModelError`."""
    try:
        yield
    except StoredModelError:
        raise
    except Exception as error:  # what others wrote may fail anywhere
        reason = str(error).partition("\n")[0] or type(error).__name__
        msg = f"A stored model must have parts that belong together, these do not: {reason}. Save it again."
        raise StoredModelError(msg) from error


def check_weights(build: Callable[[], nn.Module], weights: Mapping[str, np.ndarray]) -> None:
    """Require that a network has the given weights, without taking memory for it.

    Parameters
    ----------
    build
        Makes the network.
    weights
        By name.

    Raises
    ------
    StoredModelError
        If names, shapes or types differ.
    """
    with _no_larger_than(weights):
        state = _without_memory(build).state_dict()
    needed = {name: (_shape(value), str(value.dtype).removeprefix("torch.")) for name, value in state.items()}
    found = {name: (_shape(value), value.dtype.name) for name, value in weights.items()}
    different = sorted(name for name in needed.keys() | found.keys() if needed.get(name) != found.get(name))
    if different:
        name = different[0]
        msg = (
            f"A stored model must have the weights of its networks, got others for {len(different)} of {len(needed)}, "
            f"such as {name!r}: {needed.get(name, 'none')} is required, {found.get(name, 'none')} came. Save it again."
        )
        raise StoredModelError(msg)


def check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    """Require finite numbers in all arrays.

    Raises
    ------
    StoredModelError
        If one has NaN or infinity.
    """
    bad = [name for name, value in arrays.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]
    if bad:
        msg = f"A stored model must have finite weights, got NaN or infinity in {bad[:3]}. Fit or save it again."
        raise StoredModelError(msg)


def check_divisors(network: nn.Module) -> None:
    """Require that buffers named ``scale`` or ``unit``, by which cells are divided, are positive.

    Raises
    ------
    StoredModelError
        If one is zero or below.
    """
    buffers = {name: value for name, value in network.named_buffers() if name.rpartition(".")[2] in _DIVISORS}
    bad = [name for name, value in buffers.items() if not (value > 0).all()]
    if bad:
        msg = f"A stored model must have positive scales, got zero or less in {bad}. Fit or save it again."
        raise StoredModelError(msg)


@contextmanager
def _no_larger_than(weights: Mapping[str, np.ndarray]) -> Iterator[None]:
    """Stop building a network whose parts are more, or larger, than weights are there for."""
    thread, n_parts = threading.get_ident(), 0
    most_parts = _PARTS_PER_ARRAY * len(weights) + _MORE_PARTS
    most_values = _VALUES_PER_VALUE * sum(value.size for value in weights.values()) + _MORE_VALUES

    def check(parent: nn.Module, name: str, part: Tensor | nn.Module | None) -> None:
        nonlocal n_parts
        if threading.get_ident() != thread:
            return
        n_parts += 1
        if n_parts > most_parts or (isinstance(part, torch.Tensor) and part.numel() > most_values):
            msg = f"A stored model must be as large as its weights, got {name!r} of a larger one. Save it again."
            raise StoredModelError(msg)

    registrations: list[Any] = [
        torch_module.register_module_parameter_registration_hook,
        torch_module.register_module_buffer_registration_hook,
        torch_module.register_module_module_registration_hook,
    ]
    hooks = [register(check) for register in registrations]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _without_memory(build: Callable[[], nn.Module]) -> nn.Module:
    try:
        with torch.device("meta"):
            return build()
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error):
            raise
        # One from outside this package that computes with values when it is made.
        return build()


def _shape(value: Tensor | np.ndarray) -> tuple[int, ...]:
    # Files of the preview of 0.1.0 hold scalars as arrays of one value.
    return () if tuple(value.shape) == (1,) else tuple(value.shape)
