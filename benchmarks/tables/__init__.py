"""All tables, by the page that shows them."""

from __future__ import annotations

from benchmarks.tables import (
    cells,
    geometry,
    labels,
    large_data,
    performance,
    perturbations,
    readme,
    transport,
    uncertainty,
)

PAGES = {
    "README.md": readme.TABLES,
    "docs/benchmarks.md": cells.TABLES | labels.TABLES | geometry.TABLES,
    "docs/large_data.md": large_data.TABLES,
    "docs/performance.md": performance.TABLES,
    "docs/perturbations.md": perturbations.TABLES,
    "docs/transport.md": transport.TABLES,
    "docs/uncertainty.md": uncertainty.TABLES,
}
