"""Label maps: images whose colours, or whose grey levels, are classes."""

import colorsys
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np

from translate.image.source import ImageError

MOST = 64  # classes
SHOWN = 8  # colours in a message
NEAREST = "nearest:"


@dataclass(frozen=True)
class LabelMap:
    """The classes of a domain of label maps.

    colours: red, green and blue of each class, 0 to 255, as they are shown and as networks get them. ids: the grey
    levels in files that mean the classes; () where files have the colours. nearest: whether pixels of other colours
    belong to the class of the nearest colour; else files with such pixels are refused.
    """

    colours: tuple[tuple[int, int, int], ...]
    ids: tuple[int, ...] = ()
    nearest: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of "#ff0000,#00ff00", "nearest:#ff0000,#00ff00", or grey levels, "0,1,2". ValueError for other texts."""
        names = text.removeprefix(NEAREST).replace(" ", "").lower().split(",")
        ids = [int(name) for name in names if re.fullmatch(r"\d{1,3}", name)]
        colours = [name for name in names if re.fullmatch("#[0-9a-f]{6}", name)]
        nearest = text.startswith(NEAREST)
        if len(names) != len(set(names)) or len(names) not in (len(colours), len(ids)) or max(ids, default=0) > 255:
            raise ValueError(
                "should be auto, no, yes, colours such as #ff0000,#00ff00, nearest:#ff0000,#00ff00, or grey levels "
                "such as 0,1,2"
            )
        if not 2 <= len(names) <= MOST:
            raise ValueError(f"a label map has 2 to {MOST} classes, not {len(names)}")
        if ids and nearest:
            raise ValueError("nearest is for colours; grey levels are numbers of classes, which have no neighbours")
        return cls.of_ids(ids) if ids else cls(tuple(_rgb(int(name[1:], 16)) for name in colours), (), nearest)

    @classmethod
    def of_ids(cls, ids: Iterable[int]) -> Self:
        """Classes by grey level. A level has the same colour in all sets."""
        found = tuple(ids)
        return cls(tuple(colour_of(number) for number in found), found)

    def __str__(self) -> str:
        """As `parse` takes it."""
        names = [str(number) for number in self.ids] or [name(colour) for colour in self.colours]
        return (NEAREST if self.nearest else "") + ",".join(names)

    @property
    def palette(self) -> list[int]:
        """Red, green and blue of each class in turn."""
        return [level for colour in self.colours for level in colour]

    def picture(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 1 or 3) of a file → uint8 (H, W, 3) of the classes' colours. Of maps of grey levels the colours
        are taken too. ImageError that names a value that is no class."""
        return np.array(self.colours, np.uint8)[self.numbers(image)]

    def numbers(self, image: np.ndarray) -> np.ndarray:
        """As `picture`, but int64 (H, W): the place of each pixel's class."""
        if image.dtype != np.uint8:
            raise ImageError(f"a picture of {image.dtype.name}, where a label map has 8 bits a channel")
        unique, places = np.unique(packed(image), return_inverse=True)
        places = places.reshape(image.shape[:2])
        found = np.array([_rgb(int(value)) for value in unique])
        if self.nearest:
            return np.square(found[:, None] - np.array(self.colours)[None]).sum(2).argmin(1)[places]
        grey = bool(self.ids) and bool((found == found[:, :1]).all())
        classes = list(self.ids) if grey else [pack(colour) for colour in self.colours]
        values = found[:, 0] if grey else unique
        for place, value in enumerate(values):
            if value not in classes:
                raise ImageError(self._refusal(int(value), int((places == place).sum()), grey))
        return np.array([classes.index(value) for value in values])[places]

    def _refusal(self, value: int, count: int, grey: bool) -> str:
        found = f"class {value}" if grey else f"the colour {name(_rgb(value))}"
        known = str(self).split(",")
        more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        pixels = f"{count:,} pixel{'' if count == 1 else 's'}"
        return f"a label map with {found} ({pixels}), which is none of its classes: {', '.join(known[:SHOWN])}{more}"


def packed(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 1 or 3) → int64 (H, W): 65536 red + 256 green + blue."""
    wide = np.broadcast_to(image, (*image.shape[:2], 3)).astype(np.int64)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def pack(colour: Iterable[int]) -> int:
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _rgb(value: int) -> tuple[int, int, int]:
    return value >> 16 & 255, value >> 8 & 255, value & 255


def name(colour: Iterable[int]) -> str:
    """#rrggbb"""
    return f"#{pack(colour):06x}"


def colour_of(number: int) -> tuple[int, int, int]:
    """A colour for a class from 0 to 255: black for 0, then hues far from each other, in five shades. All differ."""
    if number == 0:
        return 0, 0, 0
    shades = ((0.85, 0.9), (0.5, 1.0), (0.9, 0.55), (0.45, 0.7), (0.2, 0.95))
    saturation, brightness = shades[number % len(shades)]
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618034 % 1, saturation, brightness)
    return round(255 * red), round(255 * green), round(255 * blue)
