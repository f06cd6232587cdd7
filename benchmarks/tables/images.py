"""Tables on cells that are images."""

from __future__ import annotations

from benchmarks.tables._declare import RESULTS, Table, grid
from benchmarks.tables.sequences import caption

LABELS = {
    "**scgde, the default**": "default",
    "baseline: means of pixels": "pixel means",
    "baseline: means of 2 components": "means of 2 PCs",
    "baseline: means of 10 components": "means of 10 PCs",
    "baseline: kernel mean, tuned on these pairs": "kernel mean, tuned",
    "baseline: images of all training sets": "pooled",
    "best possible: labels": "labels",
    "best possible: other images of the set": "other images",
}


def digits() -> Table:
    """Sets of digits in known shares."""
    columns = {
        "Pearson, 100 images": {"column": "pearson", "spread": True},
        "Pearson, 1,000 images": {"column": "pearson_many", "spread": True},
        "generated: error of shares": {"column": "share_tv", "form": ".2f"},
        "generated: energy distance": {"column": "energy"},
    }
    rows = {label: {"model": name} for label, name in LABELS.items()}
    return Table(*grid("method", "images", rows, columns), caption("images", "Digits of 8 x 8 pixels"))


TABLES = {"images": digits()} if (RESULTS / "images.csv").exists() else {}
