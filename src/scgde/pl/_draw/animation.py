from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

from scgde._progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.collections import PathCollection

FRAMES_PER_SECOND = 20
#: Frames for which the cells rest at either end.
N_REST = 8
DPI = 130


def animate(
    clouds: list[PathCollection],
    paths: list[np.ndarray],
    times: np.ndarray,
    on_frame: Callable[[float], None],
    save: str | Path,
    *,
    n_frames: int,
) -> None:
    """Write a GIF of clouds of points that go along their paths and back.

    Parameters
    ----------
    clouds
        Drawn points, one for each of ``paths``.
    paths
        Their positions ``(T, n, 2)`` at ``times`` ``(T,)``; straight between.
    on_frame
        Called with the time of each frame.
    n_frames
        Frames from the first time to the last.
    """
    forth = np.linspace(times[0], times[-1], n_frames)
    ends = np.full(N_REST, times[0]), np.full(N_REST, times[-1])
    frames = np.concatenate([ends[0], forth, ends[1], forth[::-1]])

    def draw(time: float) -> list[PathCollection]:
        for cloud, path in zip(clouds, paths, strict=True):
            cloud.set_offsets(_position(path, times, time))
        on_frame(time)
        return clouds

    figure: Any = clouds[0].get_figure(root=True)
    # The layout of the first frame is that of all; to find it anew takes longer than to draw.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    movie = FuncAnimation(figure, draw, frames=frames, blit=False, cache_frame_data=False)
    with progress_bar("Animate", unit="frame", total=len(frames)) as bar:
        movie.save(
            str(save), writer=PillowWriter(fps=FRAMES_PER_SECOND), dpi=DPI, progress_callback=lambda *_: bar.update()
        )


def _position(path: np.ndarray, times: np.ndarray, time: float) -> np.ndarray:
    """Points at a time between those of the path, ``(n, 2)``."""
    after = int(np.clip(np.searchsorted(times, time), 1, len(times) - 1))
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return (1 - share) * path[after - 1] + share * path[after]
