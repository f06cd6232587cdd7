"""All tables, by the page that shows them."""

from __future__ import annotations

from benchmarks.tables import (
    cells,
    choosing,
    counts,
    geometry,
    images,
    labels,
    large_data,
    performance,
    perturbations,
    readme,
    sequences,
    transport,
    uncertainty,
)

PAGES = {
    "README.md": readme.TABLES,
    "docs/benchmarks.md": cells.TABLES | labels.TABLES | geometry.TABLES,
    "docs/choosing.md": choosing.TABLES,
    "docs/counts.md": counts.TABLES,
    "docs/images.md": images.TABLES,
    "docs/large_data.md": large_data.TABLES,
    "docs/performance.md": performance.TABLES,
    "docs/perturbations.md": perturbations.TABLES,
    "docs/sequences.md": sequences.TABLES,
    "docs/transport.md": transport.TABLES,
    "docs/uncertainty.md": uncertainty.TABLES,
}
