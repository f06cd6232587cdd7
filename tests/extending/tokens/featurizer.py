"""What an encoder sees of a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional

from scgde.nn import FEATURIZERS, Featurizer

if TYPE_CHECKING:
    from scgde.nn import CellSpec


@FEATURIZERS.register("my_token_convolution")
class TokenConvolution(Featurizer):
    """A vector for each letter, a convolution over positions, and the mean over positions.

    Parameters
    ----------
    spec
        Tokens.
    n_output
        Features made.
    """

    supports = frozenset({"tokens"})

    def __init__(self, spec: CellSpec, *, n_output: int = 32) -> None:
        super().__init__()
        self.n_output = n_output
        self.letters = nn.Embedding(spec.n_values, n_output)
        self.convolution = nn.Conv1d(n_output, n_output, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        letters = self.letters(x.flatten(0, 1)).mT
        return functional.silu(self.convolution(letters)).mean(-1).unflatten(0, x.shape[:2])
