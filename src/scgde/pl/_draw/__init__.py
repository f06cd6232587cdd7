"""What the figures share; :mod:`scgde.pl` holds one file for each of them."""

from __future__ import annotations

from scgde.pl._draw.animation import animate
from scgde.pl._draw.annotations import Strip, strip_of
from scgde.pl._draw.cells import (
    cells_of_set,
    check_vectors,
    dense_rows,
    draw_rows,
    limits_of,
    training_features,
)
from scgde.pl._draw.colors import Palette, Values, as_categories, as_numbers, rgba_of, stored_colors, values_of
from scgde.pl._draw.figure import (
    COLORS,
    GREY,
    INK,
    LEGEND_STYLE,
    check_kinds,
    despine,
    draw_panels,
    panel_titles,
    panels,
    save_or_show,
    set_title,
    widen_for_legends,
)
from scgde.pl._draw.image_path import draw_image_path
from scgde.pl._draw.images import (
    ChannelColors,
    are_images,
    channel_names,
    check_no_plane,
    draw_side_by_side,
    images_of,
    similar_first,
    tile,
)
from scgde.pl._draw.labels import place_labels, shorten, shorten_distinctly
from scgde.pl._draw.path import (
    LAST_SHADE,
    MAX_HEADING,
    PathSteps,
    ProjectedPath,
    features_of_path,
    observed_cells,
    project_path,
)
from scgde.pl._draw.projection import Plane, are_two_features, coordinate_plane, feature_plane
from scgde.pl._draw.ridgeline import draw_ridgeline
from scgde.pl._draw.scatter import add_area_legend, draw_points
from scgde.pl._draw.set_map import (
    default_areas,
    frame_set_map,
    set_areas,
    set_map_title,
    set_plane,
    table_column,
)
from scgde.pl._draw.transported_paths import DRAW_COLORS, TransportedPaths

__all__ = [
    "COLORS",
    "DRAW_COLORS",
    "GREY",
    "INK",
    "LAST_SHADE",
    "LEGEND_STYLE",
    "MAX_HEADING",
    "ChannelColors",
    "Palette",
    "PathSteps",
    "Plane",
    "ProjectedPath",
    "Strip",
    "TransportedPaths",
    "Values",
    "add_area_legend",
    "animate",
    "are_images",
    "are_two_features",
    "as_categories",
    "as_numbers",
    "cells_of_set",
    "channel_names",
    "check_kinds",
    "check_no_plane",
    "check_vectors",
    "coordinate_plane",
    "default_areas",
    "dense_rows",
    "despine",
    "draw_image_path",
    "draw_panels",
    "draw_points",
    "draw_ridgeline",
    "draw_rows",
    "draw_side_by_side",
    "feature_plane",
    "features_of_path",
    "frame_set_map",
    "images_of",
    "limits_of",
    "observed_cells",
    "panel_titles",
    "panels",
    "place_labels",
    "project_path",
    "rgba_of",
    "save_or_show",
    "set_areas",
    "set_map_title",
    "set_plane",
    "set_title",
    "shorten",
    "shorten_distinctly",
    "similar_first",
    "stored_colors",
    "strip_of",
    "table_column",
    "tile",
    "training_features",
    "values_of",
    "widen_for_legends",
]
