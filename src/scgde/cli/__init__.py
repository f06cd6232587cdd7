"""The command line, ``scgde``; each command is a file of :mod:`scgde.cli.verbs`."""

from __future__ import annotations

from scgde.cli._app import app

__all__ = ["app"]
