"""Featurizers: the network on each cell by itself, before the encoder."""

from __future__ import annotations

from scgde.nn.featurizers._base import FEATURIZERS, Featurizer
from scgde.nn.featurizers._conv1d import Conv1d
from scgde.nn.featurizers._conv2d import Conv2d
from scgde.nn.featurizers._fourier import Fourier
from scgde.nn.featurizers._identity import Identity
from scgde.nn.featurizers._kmer import Kmer
from scgde.nn.featurizers._mlp import MLP

__all__ = ["FEATURIZERS", "MLP", "Conv1d", "Conv2d", "Featurizer", "Fourier", "Identity", "Kmer"]
