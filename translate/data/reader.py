"""How the files of one domain become arrays of one size: pictures of 8 bits, and measured values."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from translate.catalog import arrays
from translate.data.items import Item
from translate.data.settings import DataSettings
from translate.image import rgb8
from translate.image.raw import Range
from translate.values import files, resize
from translate.values.domain import DomainType, nan_words
from translate.values.label_map import LabelMap
from translate.values.shown import Shown

BLANK = 2.0  # an image counts as blank below this standard deviation, in levels of 255


@dataclass(frozen=True)
class Reader:
    """How the files of one domain become arrays of one size."""

    channels: int
    background: tuple[int, int, int]
    max_pixels: int
    fit: str
    interpolation: str
    strictly_double: bool  # side-by-side files must be twice as wide as high

    @classmethod
    def of(cls, settings: DataSettings, channels: int, **more: Any) -> Self:
        return cls(
            channels,
            settings.background_rgb,
            settings.max_pixels,
            settings.fit,
            settings.interpolation,
            settings.side_by_side == "auto",
            **more,
        )

    dtype: ClassVar[type[np.generic]] = np.uint8
    ground: Range | None = None  # in the numbers of `sized`

    def whole(self, item: Item) -> np.ndarray:
        """uint8 (H, W, C) in the file's own size; of a side-by-side file the half in `item.part`. Raises ImageError."""
        if item.place is not None:
            return _channels(arrays.images(item.path)[item.place], self.channels)
        if item.window and files.header(item.path).windowed:
            return _channels(files.window(item.path, *item.window, item.slice)[..., :3], self.channels)
        try:
            array = rgb8.read(item.path, background=self.background, channels=self.channels, max_pixels=self.max_pixels)
        except rgb8.ImageError:
            if files.kind_of(item.path) not in (None, "plain"):
                files.header(item.path)  # of measured values: says which extra reads it
            raise
        if item.window:
            top, left, height, width = item.window
            return array[top : top + height, left : left + width]
        return self._half(array, item)

    def _half(self, array: np.ndarray, item: Item) -> np.ndarray:
        if not item.part:
            return array
        height, width = array.shape[:2]
        if width % 2 or (self.strictly_double and width != 2 * height):
            raise rgb8.ImageError(f"{height} x {width} (height x width) is not twice as wide as high, as a pair is")
        return array[:, : width // 2] if item.part == "left" else array[:, width // 2 :]

    def sized(self, whole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(H, W, C) resized to `size` (height, width): stretched, or filling it with a centre crop; windows are only
        cropped. Raises ImageError."""
        if self.fit == "stretch":
            return self.resized(whole, size)
        if self.fit == "windows":
            return self._window(whole, size)
        scale = max(size[0] / whole.shape[0], size[1] / whole.shape[1])
        height, width = (
            max(want, math.ceil(have * scale - 1e-6)) for want, have in zip(size, whole.shape, strict=False)
        )
        return centre(self.resized(whole, (height, width)), size)

    def _window(self, whole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if whole.shape[0] < size[0] or whole.shape[1] < size[1]:
            raise rgb8.ImageError(
                f"{whole.shape[0]} x {whole.shape[1]} (height x width) is less than a window of {size[0]} x {size[1]}"
            )
        return centre(whole, size)

    def resized(self, whole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return rgb8.resize(whole, size, self.interpolation)

    def blank(self, small: np.ndarray) -> bool:
        """Whether an image is of nearly one colour."""
        return bool(small.std(axis=(0, 1)).max() < BLANK)

    def empty(self, small: np.ndarray) -> float:
        """The share of its pixels that have no value, or are ground."""
        return float(self.is_ground(small).mean()) if self.ground else 0.0

    def is_ground(self, small: np.ndarray) -> np.ndarray:
        """(H, W) of (H, W, C): whether all channels lie in `ground`."""
        low, high = self.ground or (1, 0)
        return np.all((small >= low) & (small <= high), axis=2)

    def shown(self, images: np.ndarray) -> np.ndarray:
        """Images (…, H, W, C) as people see them: uint8 (…, H, W, 1 or 3)."""
        return images


@dataclass(frozen=True)
class LabelReader(Reader):
    """Reads label maps: uint8 (H, W, 3) of the classes' colours; without interpolation."""

    map: LabelMap = field(kw_only=True)

    def whole(self, item: Item) -> np.ndarray:
        return self.map.picture(super().whole(item))

    def resized(self, whole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return rgb8.resize(whole, size, "nearest")

    def blank(self, small: np.ndarray) -> bool:
        return False


@dataclass(frozen=True)
class ValuesReader(Reader):
    """Reads measured values: float32 (H, W, C) in [-1, 1], NaN where there is no value. See DomainType.

    neighbours: slices before and after each that are its further channels.
    """

    type: DomainType = field(kw_only=True)
    how: Shown = field(kw_only=True)
    neighbours: int = 0

    dtype = np.float32

    def whole(self, item: Item) -> np.ndarray:
        """float32 (H, W, C) in the file's own size, or of its window or half. Raises ImageError."""
        around = range(item.slice - self.neighbours, item.slice + self.neighbours + 1)
        last = item.slice
        if self.neighbours:
            last = (len(item.series) or files.header(item.path).slices) - 1
        slices = [self._slice(item, min(max(place, 0), last)) for place in around]
        return slices[0] if len(slices) == 1 else np.concatenate(slices, axis=2)

    def _slice(self, item: Item, place: int) -> np.ndarray:
        path, place = (item.series[place], 0) if item.series else (item.path, place)
        if item.window:
            array = files.window(path, *item.window, place)
        else:
            array = files.read(path, place, max_pixels=self.max_pixels).array
        try:
            levels = self.type.to_network(array, self.type.nodata)
        except ValueError as error:
            raise rgb8.ImageError(f"{error}, {nan_words(array, self.type.nodata)}") from None
        return self._half(_channels_of_values(levels, self.type.channels), item)

    def resized(self, whole: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        return resize.resize(whole, size, self.interpolation)

    def blank(self, small: np.ndarray) -> bool:
        known = small[~np.isnan(small).any(axis=2)]
        return bool(not len(known) or known.std(axis=0).max() * 127.5 < BLANK)

    def empty(self, small: np.ndarray) -> float:
        return float((np.isnan(small).any(axis=2) | self.is_ground(small)).mean())

    def shown(self, images: np.ndarray) -> np.ndarray:
        middle = images[..., self.neighbours * self.type.channels :][..., : self.type.channels]
        return self.how.picture(middle)


def centre(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The middle (height, width) of (H, W, C)."""
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    return image[top : top + size[0], left : left + size[1]]


def _channels_of_values(levels: np.ndarray, channels: int) -> np.ndarray:
    """(H, W, C) with the wanted number of channels: grey becomes colour, and colour grey. ImageError for others."""
    if levels.shape[2] == channels:
        return levels
    if levels.shape[2] == 1 and channels == 3:
        return np.repeat(levels, 3, axis=2)
    if levels.shape[2] == 3 and channels == 1:
        return levels @ np.array([[0.299], [0.587], [0.114]], np.float32)  # ITU-R BT.601, as in Pillow
    plural = "" if levels.shape[2] == 1 else "s"
    raise rgb8.ImageError(f"has {levels.shape[2]} channel{plural}, where the others of its domain have {channels}")


def _channels(image: np.ndarray, channels: int) -> np.ndarray:
    """uint8 (H, W, 1 or 3) with the wanted number of channels."""
    if image.shape[2] == channels:
        return image
    converted = np.asarray(rgb8.to_pil(image).convert("L" if channels == 1 else "RGB"))
    return converted[..., None] if channels == 1 else converted
