"""A path of ``tl.interpolate``, seen in a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from scgde import _keys
from scgde.pl._draw.cells import (
    cells_of_set,
    check_vectors,
    dense_rows,
    limits_of,
    modelled_entry,
    training_features,
)
from scgde.pl._draw.displacement_interpolation import interpolate_by_displacement
from scgde.pl._draw.labels import shorten
from scgde.pl._draw.projection import are_two_features, feature_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.pl._draw.cells import Matrix

#: Longer names of sets are cut.
MAX_HEADING = 28
#: Of a gradient, the last shades of which are too light on white.
LAST_SHADE = 0.88


class PathSteps(NamedTuple):
    """What is known of the steps of a path.

    Attributes
    ----------
    times
        Shape ``(T,)``, increasing.
    in_support
        Whether the embedding is in the support of the training sets, shape ``(T,)``.
    names
        Of the sets, or groups of sets, on the path.
    members
        Of each, the names of its sets.
    n_cells
        Of each step.
    key
        Of the fit.
    """

    times: np.ndarray
    in_support: np.ndarray
    names: list[str]
    members: list[list[str]]
    n_cells: int
    key: str

    @classmethod
    def of(cls, path: AnnData) -> Self:
        """Steps of the result of ``tl.interpolate``."""
        n_cells = _cells_per_step(path)
        times, in_support = (path.obs[name].to_numpy()[::n_cells] for name in ("t", "in_support"))
        names = [str(name) for name in path.uns[_keys.PATH]["sets"]]
        return cls(times, in_support, names, sets_of_path(path), n_cells, str(path.uns[_keys.PATH]["key"]))

    def spread(self, n: int) -> np.ndarray:
        """Evenly spread steps, the ends included."""
        return np.unique(np.linspace(0, len(self.times) - 1, n).round().astype(int))

    def title(self, step: int) -> str:
        """Name of the set that a step reaches, if any, the time, and whether it is an extrapolation."""
        position = self.times[step] * (len(self.names) - 1)
        nearest = round(position)
        at_set = np.isclose(position, nearest) and 0 <= nearest < len(self.names)
        name = shorten(self.names[nearest], length=MAX_HEADING) if at_set else ""
        return f"{name}\n{self.time_label(self.times[step])}"

    def time_label(self, time: float) -> str:
        """The time, and whether the embedding leaves the training sets there."""
        nearest = int(np.abs(self.times - time).argmin())
        return f"t = {time:.2f}" + ("" if self.in_support[nearest] else ", extrapolated")

    def colors(self, cmap: str) -> list[str]:
        """One for each step."""
        return [to_hex(mpl.colormaps[cmap](level)) for level in np.linspace(0, LAST_SHADE, len(self.times))]


class ProjectedPath(NamedTuple):
    """A path in the plane.

    Attributes
    ----------
    steps
        Its steps.
    clouds
        Points ``(T, n, 2)``: generated cells and, where asked for, observed ones under optimal transport.
    observed
        Cells of all sets on the path, shape ``(m, 2)``.
    labels
        Of the axes.
    is_metric
        Whether one unit is the same length on both.
    """

    steps: PathSteps
    clouds: dict[str, np.ndarray]
    observed: np.ndarray
    labels: tuple[str, str]
    is_metric: bool

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest point to show."""
        # Observed cells count once for each cloud that is drawn over them.
        return limits_of([part for cells in self.clouds.values() for part in (self.observed, cells.reshape(-1, 2))])

    def proportion(self) -> float:
        """Height of a panel over its width."""
        span = np.subtract(*self.limits())
        return float(np.clip(span[1] / span[0], 0.5, 1.6)) if self.is_metric else 1.0


def project_path(
    adata: AnnData, path: AnnData, *, basis: str | Sequence[str] | None, components: tuple[int, int], with_ot: bool
) -> ProjectedPath:
    """The path and the observed cells of its sets, in the plane that ``basis`` and ``components`` name."""
    steps = PathSteps.of(path)
    features = features_of_path(adata, steps, list(path.var_names))
    check_vectors(path, features.shape, "path", "scgde.tl.interpolate")
    knots = observed_cells(adata, features, steps)
    use_rep = modelled_entry(adata, steps.key)
    _check_basis(basis, list(path.var_names), use_rep)
    cells = dense_rows(path.X, np.arange(path.n_obs))
    plane = feature_plane(cells, list(path.var_names), None if basis == use_rep else basis, components)
    clouds = {"generated": cells}
    if with_ot:
        moved = interpolate_by_displacement(knots, steps.times, n_cells=steps.n_cells)
        clouds["ot"] = moved.reshape(-1, path.n_vars)
    return ProjectedPath(
        steps,
        {name: plane(x).reshape(len(steps.times), -1, 2) for name, x in clouds.items()},
        plane(np.concatenate(list(dict(zip(steps.names, knots, strict=True)).values()))),
        plane.labels,
        basis in ("pca", use_rep),
    )


def features_of_path(adata: AnnData, steps: PathSteps, names: Sequence[str] = ()) -> Matrix:
    """Features of the observed cells that the fit of a path was trained on."""
    return training_features(adata, steps.key, names)


def observed_cells(adata: AnnData, features: Matrix, steps: PathSteps) -> list[np.ndarray]:
    """Observed cells of each set on a path."""
    labels = adata.obs[_keys.set_column(steps.key)]
    missing = sorted({name for names in steps.members for name in names} - set(map(str, labels.dropna().unique())))
    if missing:
        msg = f"`adata` must hold cells of the sets on the path, but holds none of {missing}."
        raise KeyError(msg)
    return [np.concatenate([cells_of_set(features, labels, name) for name in names]) for names in steps.members]


def sets_of_path(path: AnnData) -> list[list[str]]:
    """Names of the sets in each group that a path passes; a path of an earlier version has sets alone."""
    passed = path.uns[_keys.PATH]
    if "members" not in passed:
        return [[str(name)] for name in passed["sets"]]
    return [names.astype(str).tolist() for _, names in passed["members"].groupby("position")["set"]]


def _cells_per_step(path: AnnData) -> int:
    if _keys.PATH not in path.uns or not {"t", "cell", "in_support"} <= set(path.obs):
        msg = f"`path` must come from `scgde.tl.interpolate`, got an AnnData with obs {list(path.obs)}."
        raise KeyError(msg)
    cell = path.obs["cell"].to_numpy()
    n_cells = int(cell.max()) + 1
    if len(cell) % n_cells or (cell != np.tile(np.arange(n_cells), len(cell) // n_cells)).any():
        msg = f"`path` must hold every cell at every step, in order, got {len(cell)} of up to {n_cells} cells a step."
        raise ValueError(msg)
    return n_cells


def _check_basis(basis: str | Sequence[str] | None, names: list[str], use_rep: str) -> None:
    if basis is not None and basis not in ("pca", use_rep) and not are_two_features(basis, names):
        msg = (
            f'`basis` must be "pca", None, {use_rep!r}, which was fitted, or two features, got {basis!r}. '
            f"Some features: {names[:10]}."
        )
        raise ValueError(msg)
