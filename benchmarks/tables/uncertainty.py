"""Tables on standard errors and tests of two sets."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, Value

CLT = "central_limit_"
FILES = {"gaussians": ["Gaussian"], "bodenmiller2012": ["PMA/Ionomycin|cd8+", "BCR/FcR-XL|cd8+", "reference|cd8+"]}
FILES["covid"] = ["CV0171", "CV0257", "CV0279"]
ENCODERS = (
    "pooled_gnn",
    "deep_sets",
    "kernel_mean",
    "median_gnn",
    "moments",
    "pooled_attention",
    "residual_attention",
    "residual_gnn",
    "wormhole",
)
SIZES = (10, 30, 100, 300, 1000, 3000)
#: Cells of the two draws that are compared.
PAIRS = ((10, 10), (30, 30), (30, 1000), (100, 100), (100, 1000), (300, 300), (300, 1000), (1000, 1000))


def coverage() -> Table:
    """Slopes, skew and coverage of all encoders on Gaussian sets, of the default on two files."""
    keys = [("gaussians", encoder, "Gaussian") for encoder in ENCODERS]
    keys += [(data, "pooled_gnn", name) for data in ("bodenmiller2012", "covid") for name in FILES[data]]
    rows: list[tuple[Cell, ...]] = []
    for data, encoder, population in keys:
        where = {"encoder": encoder, "population": population}
        slopes = [Value(CLT + data, name, where) for name in ("slope0", "slope1")]
        covered = [Value(CLT + data, f"coverage_{m}", where, ".1%") for m in SIZES]
        skew = Value(CLT + data, "skew", where, ".2f")
        rows.append((f"`{encoder}`", population.replace("|", " "), [slopes[0], ", ", slopes[1]], skew, *covered))
    header = ("encoder", "population", "slopes", "skew", *(f"covered: {m:,} cells" for m in SIZES))
    return Table(header, rows)


def rejections() -> Table:
    """False positive rates of the default by population and sizes."""
    rows: list[tuple[Cell, ...]] = []
    for data, populations in FILES.items():
        for name in populations:
            where = {"encoder": "pooled_gnn", "population": name, "shift": 0.0}
            file = f"{CLT}{data}_rejections"
            shares = [Value(file, "rejected", where | {"m": a, "other": b}, ".1%") for a, b in PAIRS]
            rows.append((name.replace("|", " "), *shares))
    return Table(("population", *(f"{a:,} and {b:,} cells" for a, b in PAIRS)), rows)


TABLES = {"coverage": coverage(), "rejections": rejections()}
