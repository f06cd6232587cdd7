"""What networks see of a cell: of a representation, of plain vectors, or as a stored model describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scgde._checks import check_one_of
from scgde.data.representations import Representation
from scgde.nn.cells import CellSpec
from scgde.nn.transforms import METHODS, TransformSpec

if TYPE_CHECKING:
    from scgde._types import Config


def as_transform(cells: Representation | CellSpec | Config | None, scaling: str | None) -> TransformSpec:
    """What networks see of a cell: of a representation, of vectors, or as a stored model describes it.

    Raises
    ------
    TypeError
        If there is neither data nor a description.
    """
    if isinstance(cells, Representation):
        return cells.transform(scaling)
    if isinstance(cells, CellSpec):
        check_one_of(scaling or "common", "scaling", METHODS)
        return TransformSpec("affine", cells, {"method": scaling or "common"})
    if isinstance(cells, dict):
        return TransformSpec.from_config(cells)
    msg = (
        "`cells` must say what a cell is where there is no data, such as `scgde.nn.cells.CellSpec.vectors(50)`, "
        f"got {cells!r}."
    )
    raise TypeError(msg)
