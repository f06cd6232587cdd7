"""Tables on generated counts."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, grid

GENERATED = {
    '**scgde, `cells="counts"`**': "counts",
    "its autoencoder, on the very cells of that half": "reconstructed",
}
OF_COMPONENTS = {
    "two stages: components, then a decoder": "two stages",
    "scgde on components, no counts": "components",
}
BASELINES = {
    "floor: the half that was embedded": "half A",
    "baseline: independent negative binomials of that half": "independent",
    "baseline: cells of all training donors": "pooled",
}


def fidelity() -> Table:
    """Counts of held-out donors."""
    columns = {
        "energy distance": {"column": "energy"},
        "slope of gene-gene correlations": {"column": "gene_gene_slope", "form": ".2f"},
        "their correlation": {"column": "gene_gene_r"},
        "fold changes of the donor, r": {"column": "r_delta", "form": ".2f"},
        "gap of zeros": {"column": "zero_gap"},
        "log variance, error": {"column": "log_variance_error", "form": ".2f"},
        "its bias": {"column": "log_variance_bias", "form": "+.2f"},
        "library sizes, KS": {"column": "library_ks", "form": ".2f"},
    }
    caption = (
        "OneK1K, 8 of 40 donors held out, against the half of their cells that was not embedded. 1,500 steps; median "
        "of three splits."
    )
    body: list[tuple[Cell, ...]] = []
    parts = {"generated": GENERATED, "components": OF_COMPONENTS, "baselines": BASELINES}
    for part, arms in parts.items():
        header, rows = grid("cells", f"counts_{part}", {label: {"arm": arm} for label, arm in arms.items()}, columns)
        body += rows
    return Table(header, body, caption)


def sparse() -> Table:
    """Memory and time by layout of the counts."""
    rows = {name: {"layout": layout} for name, layout in {"CSR": "csr", "CSC": "csc", "h5ad on disk": "backed"}.items()}
    columns = {
        "peak memory, GB": {"column": "peak_gb", "form": ".1f"},
        "CPU seconds per step": {"column": "cpu_seconds_per_step", "form": ".2f"},
        "largest dense share of the counts": {"column": "dense_share", "form": ".1%"},
    }
    caption = "100,000 cells x 5,000 genes, 8 % not zero; memory with the libraries and the making of the matrix."
    return Table(*grid("counts", "sparse_counts", rows, columns), caption)


TABLES = {"counts": fidelity(), "sparse_counts": sparse()}
