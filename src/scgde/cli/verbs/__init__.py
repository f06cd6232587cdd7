"""Commands, in the order in which help lists them."""

from __future__ import annotations

from scgde.cli.verbs._classify import classify
from scgde.cli.verbs._compare import compare
from scgde.cli.verbs._demo import demo
from scgde.cli.verbs._embed import embed
from scgde.cli.verbs._fit import fit
from scgde.cli.verbs._generate import generate
from scgde.cli.verbs._info import info
from scgde.cli.verbs._report import report
from scgde.cli.verbs._score import score
from scgde.cli.verbs._transport import transport

__all__ = ["demo", "fit", "info", "embed", "generate", "transport", "classify", "compare", "score", "report"]  # noqa: RUF022
