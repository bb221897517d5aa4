"""The levels of an image that is larger than memory: rows come from the top to the bottom, and tiles go out."""

from collections.abc import Callable
from typing import Any

import numpy as np

SMALLEST = 512  # pixels: a level below this size is the last
ROWS = 64  # averaged at once, to limit the memory of temporary arrays

Store = Callable[["Level", np.ndarray], None]


class Level:
    """One resolution of an image, (height, width, C): holds one row of tiles, and passes its half on to the next level.

    store: is called with (level, tile) for all tiles, row by row; a tile is (tile, tile, C), with `fill` beyond the
    image.
    """

    def __init__(self, height: int, width: int, channels: int, dtype: np.dtype, tile: int, nodata: float | None,
                 nearest: bool, store: Store):  # fmt: skip
        self.height, self.width, self.tile, self.nodata, self.nearest = height, width, tile, nodata, nearest
        self.store = store
        self.across = -(-width // tile)
        self.fill = nodata if nodata is not None and (dtype.kind == "f" or _fits(nodata, dtype)) else 0
        self.held = np.full((tile, self.across * tile, channels), self.fill, dtype)
        self.filled = 0  # rows of `held`
        self.done = 0  # rows that were given
        small = max(height, width) < SMALLEST
        half = -(-height // 2), -(-width // 2)
        self.next = None if small else Level(*half, channels, dtype, tile, nodata, nearest, store)

    def put(self, rows: np.ndarray) -> None:
        """(n, width, C), the next rows."""
        while len(rows):
            taken = min(len(rows), self.tile - self.filled)
            self.held[self.filled : self.filled + taken, : self.width] = rows[:taken]
            self.filled += taken
            self.done += taken
            rows = rows[taken:]
            if self.filled == self.tile or self.done == self.height:
                self._flush()

    def all(self) -> list["Level"]:
        return [self, *(self.next.all() if self.next else [])]

    def _flush(self) -> None:
        self.held[self.filled :] = self.fill
        for number in range(self.across):
            self.store(self, self.held[:, number * self.tile : (number + 1) * self.tile])
        if self.next:
            for top in range(0, self.filled, ROWS):
                part = self.held[top : min(top + ROWS, self.filled), : self.width]
                self.next.put(part[::2, ::2] if self.nearest else halved(part, self.nodata))
        self.filled = 0


def _fits(number: float, dtype: np.dtype) -> bool:
    bounds = np.iinfo(dtype)
    return bounds.min <= number <= bounds.max and float(number).is_integer()


def halved(array: np.ndarray, nodata: float | None) -> np.ndarray:
    """(H, W, C) → (ceil(H / 2), ceil(W / 2), C): means of 2 x 2 pixels without those that are `nodata`, rounded."""
    height, width = array.shape[:2]
    padded = np.pad(array, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    wide = np.float64 if array.dtype.itemsize == 4 and array.dtype.kind != "f" else np.float32
    values: list[Any] = [padded[row::2, column::2].astype(wide) for row in (0, 1) for column in (0, 1)]
    if nodata is None:
        mean, absent = (values[0] + values[1] + values[2] + values[3]) / 4, None
    else:
        present = [~np.isnan(part) if np.isnan(nodata) else part != wide(nodata) for part in values]
        count = np.sum(present, axis=0, dtype=np.uint8)
        total = sum(np.where(there, part, 0) for there, part in zip(present, values, strict=True))
        mean, absent = total / np.maximum(count, 1), count == 0
    result = mean.astype(array.dtype) if array.dtype.kind == "f" else np.rint(mean).astype(array.dtype)
    if absent is not None:
        result[absent] = nodata
    return result
