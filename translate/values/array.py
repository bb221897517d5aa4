"""One image's values, and what its header says of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Values:
    """An image with the numbers that its file holds.

    array: (H, W, C) of uint8, int8, uint16, int16, uint32, int32 or float32.
    nodata: the number that stands for "no value here", as the file says, or None. NaN is possible.
    unit: of the numbers, such as "HU" or "m"; "" if the file doesn't say. names: of the channels; () likewise.
    kind: the module of this package that read it, and writes its like.
    carried: what that module needs to write the coordinates and the other metadata again.
    notes: what was changed or left out while reading, for the report.
    """

    array: np.ndarray
    nodata: float | None = None
    unit: str = ""
    names: tuple[str, ...] = ()
    kind: str = ""
    carried: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """What a file says before its pixels are read.

    slices: images in the file, each of them (height, width, channels); 1 for all but volumes. windowed: whether a
    window is read without reading the rest of the image.
    """

    height: int
    width: int
    channels: int
    dtype: str
    slices: int = 1
    nodata: float | None = None
    unit: str = ""
    names: tuple[str, ...] = ()
    windowed: bool = False
