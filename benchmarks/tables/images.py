"""Tables on cells that are images."""

from __future__ import annotations

from benchmarks.tables._declare import RESULTS, Table, grid
from benchmarks.tables.sequences import caption

OWN = {
    8: {"**scgde, the default**": "default"},
    14: {"**scgde, `moments=True`, a narrow U-Net**": "narrow, moments"},
}
LABELS = {
    "baseline: means of pixels": "pixel means",
    "baseline: means of 2 components": "means of 2 PCs",
    "baseline: means of 10 components": "means of 10 PCs",
    "baseline: kernel mean, tuned on these pairs": "kernel mean, tuned",
    "baseline: images of all training sets": "pooled",
    "best possible: labels": "labels",
    "best possible: other images of the set": "other images",
}


def digits(name: str, side: int) -> Table:
    """Sets of digits in known shares."""
    columns = {
        "Pearson, 100 images": {"column": "pearson", "spread": True},
        "Pearson, 1,000 images": {"column": "pearson_many", "spread": True},
        "generated: error of shares": {"column": "share_tv", "form": ".2f"},
        "generated: energy distance": {"column": "energy"},
        "in features of a classifier": {"column": "feature_energy"},
    }
    rows = {label: {"model": model} for label, model in (OWN[side] | LABELS).items()}
    return Table(*grid("method", name, rows, columns), caption(name, f"Digits of {side} x {side} pixels"))


_ALL = {"images": 8, "images_14": 14}
TABLES = {name: digits(name, side) for name, side in _ALL.items() if (RESULTS / f"{name}.csv").exists()}
