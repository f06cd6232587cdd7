"""One HTML page that holds all that it shows."""

from __future__ import annotations

import base64
import html
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scgde import __version__
from scgde.cli._tables import rows_of_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; margin: 0 2rem 1rem 0; display: inline-table; vertical-align: top; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; font-variant-numeric: tabular-nums; }
th { border-bottom: 1px solid #bbb; } figure { margin: 1rem 0; } figcaption { color: #555; }
img { max-width: 100%; max-height: 36rem; }
.warnings { background: #fff6e0; padding: 0.5rem 1.5rem; }
"""


class Section(NamedTuple):
    """Heading, with blocks of HTML below it."""

    title: str
    blocks: list[str]


def page(title: str, sections: Sequence[Section], warnings: Iterable[str]) -> str:
    """The page as text; ``warnings`` come first, and are read last, when all sections are made."""
    body = "".join(f"<h2>{html.escape(name)}</h2>\n{''.join(blocks)}\n" for name, blocks in sections)
    notes = "".join(f"<li>{html.escape(text)}</li>" for text in warnings)
    box = f'<ul class="warnings">{notes}</ul>' if notes else "<p>None.</p>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>{html.escape(title)}</h1>\n<h2>Warnings</h2>\n{box}\n{body}"
        f"<p>Made by scgde {__version__}.</p></body></html>\n"
    )


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{html.escape(text)}</p>"


def table(frame: pd.DataFrame) -> str:
    """A table with its index."""
    frame = frame.reset_index()
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in frame)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows_of_text(frame)
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def figure(draw: Callable[..., Any], caption: str, *args: Any, **options: Any) -> str:
    """What a function of :mod:`scgde.pl` draws, as an image within the page."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.png"
        draw(*args, **options, show=False, save=path)
        data = base64.b64encode(path.read_bytes()).decode()
    text = html.escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'
