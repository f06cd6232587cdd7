"""Tables on cells in files and on several devices."""

from __future__ import annotations

from benchmarks.tables._declare import Cell, Table, Value

#: Results files by what is in the file.
FILES = {
    "2 million cells, 50 features, dense": "larger_than_memory_dense",
    "1 million cells, 2,000 genes, 5 % not zero": "larger_than_memory_sparse",
}


def speed() -> Table:
    """CPU time of a step from a file and from memory."""
    columns = ("gather_file_ms", "gather_memory_ms", "step_file_ms", "step_memory_ms")
    rows: list[tuple[Cell, ...]] = [
        (label, *(Value(file, column, form=".1f") for column in columns), Value(file, "speed", form=".2f"))
        for label, file in FILES.items()
    ]
    header = ("cells", "reading a batch: file", "memory", "whole step: file", "memory", "speed, memory = 1")
    return Table(header, rows, "CPU milliseconds, steps in turns in one process, after `pp.write_sets`.")


def two() -> Table:
    """Two processes against one that accumulates."""
    file = "devices_two"
    row = (
        "two processes (gloo)",
        Value(file, "weights", form=".0e", how="max"),
        Value(file, "validation_loss", form=".0e", how="max"),
        Value(file, "last_step", form=".0f", how="max"),
        Value(file, "last_step_of_one", form=".0f", how="max"),
    )
    header = ("", "weights", "validation loss", "last step", "last step of one process")
    return Table(header, [row], "Largest difference to one process with two batches a step.")


#: What grows, its column, and the sizes.
GROWTH = {
    "cells, 100 a set": ("cells", "cells", (100_000, 1_000_000, 10_000_000)),
    "sets of a million cells": ("sets", "sets", (100, 10_000, 1_000_000)),
    "features of 100,000 cells": ("features", "features", (50, 200, 500, 2_000)),
}


def growth() -> Table:
    """CPU time per cell of embeddings."""
    rows: list[tuple[Cell, ...]] = [
        (
            label,
            f"{size:,}",
            Value("larger_than_memory_growth", "microseconds_per_cell", _where(grows, column, size), ".1f"),
        )
        for label, (grows, column, sizes) in GROWTH.items()
        for size in sizes
    ]
    return Table(("what grows", "to", "CPU microseconds a cell"), rows, "Embeddings of cells in a mapped file.")


#: Results files of peaks by what is fitted.
PEAKS = {
    "100,000 cells x 5,000 features, dense in memory": "larger_than_memory_dense_in_memory",
    "100,000 cells x 5,000 genes, 5 % not zero, CSR in memory, vectors": "larger_than_memory_CSR_in_memory",
    "2 million cells x 50 features, h5ad file": "larger_than_memory_dense_in_an_h5ad_file",
}


def peaks() -> Table:
    """Memory of a fit."""
    rows: list[tuple[Cell, ...]] = [
        (label, *(Value(file, column, form=".2f") for column in ("data_gb", "above_gb")))
        for label, file in PEAKS.items()
    ]
    return Table(("cells", "data (GB)", "peak above the data (GB)"), rows, "Largest resident memory during a fit.")


def _where(grows: str, column: str, size: int) -> dict[str, str | int]:
    return {"grows": grows, column: size}


TABLES = {"growth": growth(), "peaks": peaks(), "larger_than_memory": speed(), "devices": two()}
