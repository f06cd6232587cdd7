"""A path of ``tl.interpolate``, seen in a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from scgde import _keys
from scgde._checks import check_set_table
from scgde.pl._displacement import displaced
from scgde.pl._generated import _features, _limits, _rows
from scgde.pl._plane import coordinate_plane, principal_plane
from scgde.pl._points import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData

    from scgde.pl._plane import Plane

#: Longer names of sets are cut.
MAX_HEADING = 28
#: Of a gradient, the last shades of which are too light on white.
LAST_SHADE = 0.88


class Way(NamedTuple):
    """A path in the plane.

    Attributes
    ----------
    times
        Shape ``(T,)``, increasing.
    inside
        Whether the embedding is in the support of the training sets, shape ``(T,)``.
    clouds
        Places ``(T, n, 2)`` of generated cells and, where asked for, of observed ones under optimal transport.
    observed
        Cells of all sets on the way, shape ``(m, 2)``.
    names
        Of these sets.
    labels
        Of the axes.
    is_metric
        Whether one unit is the same length on both.
    """

    times: np.ndarray
    inside: np.ndarray
    clouds: dict[str, np.ndarray]
    observed: np.ndarray
    names: list[str]
    labels: tuple[str, str]
    is_metric: bool

    def some(self, n: int) -> np.ndarray:
        """Evenly spread steps, the ends included."""
        return np.unique(np.linspace(0, len(self.times) - 1, n).round().astype(int))

    def heading(self, step: int) -> str:
        """What is said of a step: the set that is there, the time, and whether it is an extrapolation."""
        place = self.times[step] * (len(self.names) - 1)
        at_set = np.isclose(place, round(place)) and 0 <= round(place) < len(self.names)
        name = shortened(self.names[round(place)], length=MAX_HEADING) if at_set else ""
        return f"{name}\n{self.tell(self.times[step])}"

    def tell(self, time: float) -> str:
        """The time, and whether the embedding leaves the training sets there."""
        nearest = int(np.abs(self.times - time).argmin())
        return f"t = {time:.2f}" + ("" if self.inside[nearest] else ", extrapolated")

    def colors(self, cmap: str) -> list[str]:
        """One for each step."""
        return [to_hex(mpl.colormaps[cmap](level)) for level in np.linspace(0, LAST_SHADE, len(self.times))]

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest point to show."""
        return _limits([(self.observed, cells.reshape(-1, 2)) for cells in self.clouds.values()])

    def proportion(self) -> float:
        """Height of a panel over its width."""
        span = np.subtract(*self.limits())
        return float(np.clip(span[1] / span[0], 0.5, 1.6)) if self.is_metric else 1.0


def read_way(
    adata: AnnData, path: AnnData, *, basis: str | Sequence[str] | None, components: tuple[int, int], with_ot: bool
) -> Way:
    """The path and the observed cells of its sets, in the plane that ``basis`` and ``components`` name."""
    n_cells = _cells_per_step(path)
    key, names = str(path.uns[_keys.PATH]["key"]), [str(name) for name in path.uns[_keys.PATH]["sets"]]
    check_set_table(adata.uns, key, entry=_keys.PARAMS, made_by="scgde.tl.fit_gde")
    features = _features(adata, key)
    if features.shape[1] != path.n_vars:
        msg = (
            f"`path` must have the {features.shape[1]} training features, got {path.n_vars}. "
            "Call `scgde.tl.interpolate` without `decode`."
        )
        raise ValueError(msg)
    knots = _knots(adata, features, names, key)
    use_rep = str(adata.uns[key][_keys.PARAMS]["use_rep"])
    cells = np.asarray(path.X, dtype=float)
    plane = _plane(cells, list(path.var_names), basis, components, use_rep)
    times = path.obs["t"].to_numpy()[::n_cells]
    clouds = {"generated": cells}
    if with_ot:
        clouds["ot"] = displaced(knots, times, n_cells=n_cells).reshape(-1, path.n_vars)
    return Way(
        times,
        path.obs["in_support"].to_numpy()[::n_cells],
        {name: plane(x).reshape(len(times), -1, 2) for name, x in clouds.items()},
        plane(np.concatenate(list(dict(zip(names, knots, strict=True)).values()))),
        names,
        plane.labels,
        basis in ("pca", use_rep),
    )


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


def _knots(adata: AnnData, features: Any, names: list[str], key: str) -> list[np.ndarray]:
    """Observed cells of the sets."""
    labels = adata.obs[_keys.set_column(key)]
    missing = sorted(set(names) - set(map(str, labels.dropna().unique())))
    if missing:
        msg = f"`adata` must hold cells of the sets on the path, but holds none of {missing}."
        raise KeyError(msg)
    return [_rows(features, labels, name) for name in names]


def _plane(
    cells: np.ndarray, names: list[str], basis: str | Sequence[str] | None, components: tuple[int, int], use_rep: str
) -> Plane:
    if basis == "pca" and len(names) > 2:
        return principal_plane(cells, components)
    if basis is None or basis in ("pca", use_rep):
        return coordinate_plane(names, components)
    pair = [basis] if isinstance(basis, str) else list(basis)
    if len(pair) != 2 or not set(pair) <= set(names):
        msg = (
            f'`basis` must be "pca", None, {use_rep!r}, which was fitted, or two features, got {basis!r}. '
            f"Some features: {names[:10]}."
        )
        raise ValueError(msg)
    return coordinate_plane(names, (names.index(pair[0]), names.index(pair[1])))
