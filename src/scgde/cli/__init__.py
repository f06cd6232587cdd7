"""The command line: ``scgde demo`` and ``scgde fit``."""

from __future__ import annotations

from scgde.cli._app import app

__all__ = ["app"]
