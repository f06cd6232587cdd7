"""Images of cells as tiles of one picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from scgde.pl._draw.cells import modelled_entry, training_features
from scgde.pl._draw.figure import INK, LEGEND_STYLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anndata import AnnData
    from matplotlib.axes import Axes

    from scgde.pl._draw.cells import Matrix

#: Of the channels, added up: white where there is one.
CHANNEL_COLORS = ["#ff00ff", "#00ff00", "#0080ff"]
#: Darkest and lightest level, as quantiles of the observed values: a hot pixel must not darken the rest.
_LEVELS = (0.001, 0.999)
#: Pixels between tiles, as a share of their sides.
_GAP = 0.08


def are_images(features: Matrix) -> bool:
    """Whether cells are images, shape ``(n, C, Y, X)``."""
    return len(features.shape) == 4


class ChannelColors(NamedTuple):
    """How images are coloured: one scale and colour for each channel, the same in the whole figure.

    Attributes
    ----------
    channels
        Those that are drawn, at most three.
    names
        Of these.
    low, high
        Darkest and lightest value of each.
    """

    channels: list[int]
    names: list[str]
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, channels: Sequence[int] | None, names: Sequence[str] | None = None) -> Self:
        """Scales from observed images ``(n, C, Y, X)``; by default of the first three channels."""
        chosen = _check_channels(channels, images.shape[1])
        known = [f"channel {i}" for i in range(images.shape[1])] if names is None else list(map(str, names))
        low, high = np.quantile(images[:, chosen], _LEVELS, axis=(0, 2, 3))
        return cls(chosen, [known[i] for i in chosen], low, np.where(high > low, high, low + 1))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Colours of images, ``(n, C, Y, X)`` to ``(n, Y, X, 3)`` in [0, 1]."""
        level = np.moveaxis(images[:, self.channels].astype(float), 1, -1)
        return (((level - self.low) / (self.high - self.low)).clip(0, 1) @ self.colors).clip(0, 1)

    @property
    def colors(self) -> np.ndarray:
        """Colour of each channel, shape ``(k, 3)``."""
        names = ["white"] if len(self.channels) == 1 else CHANNEL_COLORS[: len(self.channels)]
        return np.array([to_rgb(name) for name in names])

    def add_legend(self, ax: Axes) -> None:
        """Name the channels, where there are several."""
        if len(self.channels) > 1:
            pairs = zip(self.names, CHANNEL_COLORS, strict=False)
            handles = [Patch(facecolor=color, edgecolor=INK, lw=0.5, label=name) for name, color in pairs]
            ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), **LEGEND_STYLE)


def tile(images: np.ndarray, n_columns: int) -> np.ndarray:
    """One picture of coloured images ``(n, Y, X, 3)``, row by row, white between them and where none is left."""
    height, width = images.shape[1:3]
    gap = max(1, round(_GAP * min(height, width)))
    n_rows = math.ceil(len(images) / n_columns)
    picture = np.ones((n_rows * (height + gap) - gap, n_columns * (width + gap) - gap, 3))
    for i, image in enumerate(images):
        top, left = (i // n_columns) * (height + gap), (i % n_columns) * (width + gap)
        picture[top : top + height, left : left + width] = image
    return picture


def draw_side_by_side(ax: Axes, pictures: list[np.ndarray], labels: Sequence[str]) -> None:
    """Draw pictures of equal width ``(h, w, 3)`` next to each other, each with its label below."""
    height, width = max(len(picture) for picture in pictures), pictures[0].shape[1]
    step = round(1.06 * width)
    canvas = np.ones((height, step * (len(pictures) - 1) + width, 3))
    for i, picture in enumerate(pictures):
        canvas[: len(picture), i * step : i * step + width] = picture
    ax.imshow(canvas, interpolation="nearest")
    ax.set_xticks([i * step + (width - 1) / 2 for i in range(len(pictures))], labels, fontsize="small", color=INK)
    ax.tick_params(length=0)
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def similar_first(images: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the order of the leading principal component of the first, so that similar images meet in a grid."""
    flat, flat_others = (x.reshape(len(x), -1).astype(float) for x in (images, others))
    direction = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)[2][0]
    order, order_of_others = (np.argsort(x @ direction, kind="stable") for x in (flat, flat_others))
    return images[order], others[order_of_others]


def images_of(cells: AnnData, adata: AnnData, key: str, argument: str, made_by: str) -> np.ndarray:
    """Images that the function ``made_by`` gave by the fit ``key`` of ``adata``."""
    name, expected = modelled_entry(adata, key), training_features(adata, key).shape[1:]
    x: Any = cells.obsm.get(name)
    if x is None or x.shape[1:] != expected:
        found = f"entries {list(cells.obsm)}" if x is None else f"shape {x.shape[1:]}"
        msg = f"`{argument}.obsm[{name!r}]` must hold images of shape {expected}, as `{made_by}` gives, got {found}."
        raise ValueError(msg)
    return np.asarray(x)


def channel_names(adata: AnnData, key: str) -> list[str] | None:
    """Names of the channels, where ``uns`` has them under the name of the entry, as scPortrait writes them."""
    name = modelled_entry(adata, key)
    described = adata.uns.get(name)
    names = described.get("channel_names") if hasattr(described, "get") else None
    n_channels = training_features(adata, key).shape[1]
    return None if names is None or len(names) != n_channels else list(map(str, names))


def check_no_plane(basis: Any, components: Any) -> None:
    """Require that no plane is asked for: images are drawn as they are."""
    if basis != "pca" or tuple(components) != (0, 1):
        msg = f"Images are drawn as they are, got `basis={basis!r}`, `components={components!r}`. Leave both out."
        raise ValueError(msg)


def _check_channels(channels: Sequence[int] | None, n_channels: int) -> list[int]:
    chosen = list(range(min(n_channels, len(CHANNEL_COLORS)))) if channels is None else list(channels)
    if not 0 < len(chosen) <= len(CHANNEL_COLORS) or not all(0 <= i < n_channels for i in chosen):
        msg = f"`channels` must be one to three numbers from 0 to {n_channels - 1}, got {channels}."
        raise ValueError(msg)
    return chosen
