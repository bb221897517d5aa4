"""Windows of an image that is translated in parts: tiles with the pixels around them on which their output depends."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Place = tuple[int, int, int, int]  # top, left, height, width in pixels
# A window, and the part of it that is the tile itself where it becomes output → what Measured.to_network gives.
Read = Callable[[Place, tuple[slice, slice] | None], tuple[np.ndarray, np.ndarray]]


class Window(NamedTuple):
    """A tile, and what is read for it."""

    tile: Place
    read: Place


def windows(size: Sequence[int], side: int, halo: Sequence[int]) -> list[Window]:
    """All tiles of an image of (height, width), row by row. halo: pixels before and after, where there are any."""
    before, after = halo
    found = []
    for top in range(0, size[0], side):
        for left in range(0, size[1], side):
            height, width = min(side, size[0] - top), min(side, size[1] - left)
            y, x = max(0, top - before), max(0, left - before)
            end = min(size[0], top + height + after), min(size[1], left + width + after)
            found.append(Window((top, left, height, width), (y, x, end[0] - y, end[1] - x)))
    return found
