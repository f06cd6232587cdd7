from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.collections import PathCollection

FRAMES_PER_SECOND = 20
#: Both ends are held for so many frames.
HELD = 8


def animate(
    clouds: list[PathCollection],
    paths: list[np.ndarray],
    times: np.ndarray,
    tell: Callable[[float], Any],
    save: str | Path,
    *,
    n_frames: int,
) -> None:
    """Move clouds of points along their paths, there and back, and write a GIF.

    Parameters
    ----------
    clouds
        Drawn points, one for each of ``paths``.
    paths
        Their places ``(T, n, 2)`` at ``times`` ``(T,)``; straight between.
    tell
        Called with the time of each frame.
    n_frames
        Frames one way.
    """
    there = np.linspace(times[0], times[-1], n_frames)
    ends = np.full(HELD, times[0]), np.full(HELD, times[-1])
    frames = np.concatenate([ends[0], there, ends[1], there[::-1]])

    def draw(time: float) -> list[PathCollection]:
        for cloud, path in zip(clouds, paths, strict=True):
            cloud.set_offsets(_between(path, times, time))
        tell(time)
        return clouds

    figure: Any = clouds[0].get_figure(root=True)
    # The layout of the first frame is that of all; to find it anew takes longer than to draw.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    movie = FuncAnimation(figure, draw, frames=frames, blit=False, cache_frame_data=False)
    movie.save(str(save), writer=PillowWriter(fps=FRAMES_PER_SECOND), dpi=100)


def _between(path: np.ndarray, times: np.ndarray, time: float) -> np.ndarray:
    after = int(np.clip(np.searchsorted(times, time), 1, len(times) - 1))
    share = (time - times[after - 1]) / (times[after] - times[after - 1])
    return (1 - share) * path[after - 1] + share * path[after]
