from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


class LossOutput(NamedTuple):
    """Loss of a batch, with the names of scvi-tools.

    Attributes
    ----------
    loss
        What is minimised, a scalar.
    extra_metrics
        What validation reports besides, by name.
    """

    loss: Tensor
    extra_metrics: Mapping[str, Tensor] = {}
