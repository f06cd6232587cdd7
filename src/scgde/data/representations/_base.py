from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

from scgde._registry import Registry
from scgde.data.stores import open_store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from anndata import AnnData

    from scgde._types import Config
    from scgde.data.stores import CellStore
    from scgde.nn.cells import CellSpec
    from scgde.nn.transforms import TransformSpec


class Representation(ABC):
    """What of a cell is modelled: an entry of an AnnData, as arrays that networks take, and back.

    A kind of cells is one final class in a file of its own, registered under the name that ``cells=`` takes. It is
    stored with the model, so that new cells are read as those of the fit were.

    Attributes
    ----------
    spec
        Kind, shape and type of a cell, all that networks know of it.
    label
        How messages name the entry, such as ```adata.obsm['X_pca']```.
    names
        Name of each feature of a generated cell; where cells are no vectors, of each coordinate of ``ground`` of the
        transform, by which they are explained.
    """

    #: Featurizer and generator where none is asked for, by registered name.
    default_featurizer: ClassVar[str]
    default_generator: ClassVar[str]
    #: Network within generators and transports that take one, by registered name; None for that of vectors.
    default_backbone: ClassVar[str | None] = None
    #: Weight of the term that ties latent distance to Wasserstein-2, where none is given.
    default_isometry: ClassVar[float] = 0.0
    #: How that distance is estimated, see :class:`scgde.nn.isometry.Isometry`.
    default_isometry_ground: ClassVar[str] = "sliced"
    #: Steps of a fit whose training sets are few and mostly virtual, of cells that are read as vectors.
    steps_of_few_sets: ClassVar[int] = 1000
    #: Options of training where none are given, see :class:`scgde.model.TrainOptions`.
    default_training: ClassVar[Config] = {}
    #: Whether generators make ground coordinates of cells, which a module decodes, where they do not support the kind.
    is_decoded: ClassVar[bool] = False

    #: Whether cells that are moved come back as the counts that were observed of them, at other rates.
    moves_counts: bool = False

    spec: CellSpec
    label: str
    names: list[str]

    @classmethod
    def is_declared(cls, adata: AnnData, use_rep: str | None) -> bool:
        """Whether an entry says by itself that its cells are of this kind, so that ``cells`` need not be given.

        Such as by a shape that no other kind has, or by what stands in ``uns``. By default none does.
        """
        return False

    @classmethod
    @abstractmethod
    def from_adata(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> Self:
        """Representation of an entry of ``adata``.

        Raises
        ------
        KeyError
            If there is no such entry.
        TypeError, ValueError
            If it cannot hold cells of this kind; the message says what came and what takes it.
        """

    @classmethod
    def views(cls, adata: AnnData, *, use_rep: str | None, layer: str | None) -> tuple[Representation, Representation]:
        """What is read and what is modelled of a cell; by default one and the same, see :meth:`from_adata`."""
        one = cls.from_adata(adata, use_rep=use_rep, layer=layer)
        return one, one

    def for_transport(self) -> Representation:
        """What a transport moves of a cell; by default what is modelled."""
        return self

    def fit(self, adata: AnnData, rows: np.ndarray, *, read: Representation | None = None) -> Self:
        """The representation with all that it learns of cells.

        Parameters
        ----------
        adata
            Cells.
        rows
            Those of the training sets, sorted.
        read
            What is read of these cells, fitted, where that is something else than what is modelled.
        """
        return self

    def open(self, adata: AnnData, *, all_rows: bool = True) -> CellStore:
        """Cells of ``adata`` by row; see ``scgde.data.open_store``."""
        return open_store(self.read(adata), dtype=self.spec.numpy_dtype, all_rows=all_rows)

    @abstractmethod
    def read(self, adata: AnnData) -> Any:
        """Cells of ``adata`` as an array, dense, sparse or backed, shape ``(n_obs, *spec.shape)``.

        Variables are matched by name, and what can be computed from others is.

        Raises
        ------
        KeyError
            If something is missing.
        ValueError
            If the entry is not what the representation was made for.
        """

    @abstractmethod
    def check(self, adata: AnnData, codes: np.ndarray) -> None:
        """Require what the model needs of the cells that are in a set: ``codes`` ``(n_obs,)`` at least 0.

        Raises
        ------
        TypeError, ValueError
            If cells are not numbers, or some are not finite.
        """

    def is_comparable(self, adata: AnnData) -> bool:
        """Whether ``adata`` holds enough to tell that its entry has the axes of the reference; see :meth:`read`."""
        return True

    @abstractmethod
    def transform(self, scaling: str | None) -> TransformSpec:
        """What networks see of a cell, not fitted yet; ``scaling`` None for the default of this entry."""

    def pack(self, cells: np.ndarray) -> Any:
        """Generated cells ``(n, *shape)`` as they are kept until all are there: an array, or a sparse matrix."""
        return cells

    @abstractmethod
    def to_adata(self, cells: Any, obs: pd.DataFrame, *, decode: bool = False) -> AnnData:
        """AnnData of generated cells.

        Parameters
        ----------
        cells
            Shape ``(n, *spec.shape)``, as ``pack`` gives them.
        obs
            One row for each.
        decode
            Whether to map back to genes.
        """

    @abstractmethod
    def check_decodable(self) -> None:
        """Require that cells can be mapped back to genes.

        Raises
        ------
        ValueError
            If they cannot; the message says what it would take.
        """

    @abstractmethod
    def to_stored(self) -> tuple[Config, dict[str, np.ndarray]]:
        """As plain values and arrays."""

    @classmethod
    @abstractmethod
    def from_stored(cls, config: Config, arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_stored`."""


#: Kinds of cells by the name that ``cells=`` takes.
REPRESENTATIONS: Registry[Representation] = Registry("cells")
