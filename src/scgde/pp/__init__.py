"""AnnData in, AnnData out: which cells form which set, and text as tokens."""

from __future__ import annotations

from scgde.pp._make_sets import make_sets
from scgde.pp._perturbation_pairs import perturbation_pairs
from scgde.pp._set_weights import set_weights
from scgde.pp._split_sets import split_sets
from scgde.pp._tokenize import tokenize
from scgde.pp._write_sets import write_sets

__all__ = ["make_sets", "perturbation_pairs", "set_weights", "split_sets", "tokenize", "write_sets"]
