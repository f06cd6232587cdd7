"""HDF5 arrays that are not compressed, as arrays in memory that the operating system reads: no copy, no call a row."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from anndata.abc import CSRDataset

from scgde.data.stores._mapped import MappedRows, MappedValues

_FILE_DRIVERS = ("sec2", "stdio", "windows")


def map_file(x: Any) -> Any:
    """An HDF5 array that can be mapped, as one that is; any other array as it is.

    Dense arrays are mapped where they are contiguous, and matrices compressed by row in chunks, too: both is how
    ``write_h5ad`` writes them by default.
    """
    if isinstance(x, h5py.Dataset):
        return _map_dense(x)
    if isinstance(x, CSRDataset) and isinstance(x.group, h5py.Group):
        return _map_rows(x)
    return x


def _map_dense(x: h5py.Dataset) -> np.ndarray | h5py.Dataset:
    offset = x.id.get_offset()
    if not _is_plain(x) or x.chunks is not None or offset is None:
        return x
    mapped = np.memmap(x.file.filename, mode="r", dtype=x.dtype, shape=x.shape, offset=offset)
    # A file with a user block, or one that was not flushed, has other values there.
    return mapped if np.array_equal(mapped[:1], x[:1], equal_nan=True) else x


def _map_rows(x: CSRDataset) -> MappedRows | CSRDataset:
    data, indices = (_map_values(x.group[name]) for name in ("data", "indices"))
    if data is None or indices is None:
        return x
    return MappedRows(data, indices, x.group["indptr"][:].astype(np.int64), tuple(x.shape))


def _map_values(x: h5py.Dataset) -> MappedValues | None:
    """None where the chunks are compressed, or lie at odd places."""
    if not _is_plain(x) or len(x) == 0:
        return None
    places, length = _chunks(x)
    if None in places:
        return None
    size, first = x.dtype.itemsize, places[0] % x.dtype.itemsize
    start, odd = np.divmod(np.array(places) - first, size)
    if odd.any():
        return None
    shape = (x.file.id.get_filesize() - first) // size
    values = np.memmap(x.file.filename, mode="r", dtype=x.dtype, offset=first, shape=shape)
    mapped = MappedValues(values, start, length)
    ends = np.array([0, len(x) - 1])
    return mapped if np.array_equal(mapped[ends], [x[i] for i in ends], equal_nan=x.dtype.kind == "f") else None


def _chunks(x: h5py.Dataset) -> tuple[list[int | None], int]:
    """Place of each chunk in the file, None for one that was never written, and the length of a chunk."""
    if x.chunks is None:
        return [x.id.get_offset()], len(x)
    length = x.chunks[0]
    places: list[int | None] = [None] * -(-len(x) // length)

    def note(chunk: Any) -> None:
        places[chunk.chunk_offset[0] // length] = chunk.byte_offset if chunk.filter_mask == 0 else None

    x.id.chunk_iter(note)
    return places, length


def _is_plain(x: h5py.Dataset) -> bool:
    """Whether the numbers lie in one ordinary file as they are."""
    is_number, is_filtered = x.dtype.kind in "biuf", x.id.get_create_plist().get_nfilters() > 0
    return is_number and not is_filtered and x.size > 0 and not x.is_virtual and _is_ordinary(x.file)


def _is_ordinary(file: h5py.File) -> bool:
    return file.driver in _FILE_DRIVERS and file.mode == "r"
