"""Image files as uint8 arrays: read with profile and orientation applied, resized, written as PNG.

picture.py reads files without rounding, for inference. Both use decode.py.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from translate.image.decode import decode
from translate.image.raw import Levels, Range, blocks, levels
from translate.image.sheet import sheet
from translate.image.source import MAX_PIXELS, SUFFIXES, ImageError, contents, is_image_name

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "ImageError",
    "contents",
    "is_image_name",
    "read",
    "resize",
    "sheet",
    "thumbnail",
    "to_pil",
    "to_png",
]

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}
WHITE = (255, 255, 255)


def read(
    path: str | Path,
    *,
    background: tuple[int, int, int] = WHITE,
    channels: int = 3,
    max_pixels: int = MAX_PIXELS,
    values: Range | None = None,
) -> np.ndarray:
    """The image in `path` as uint8 (H, W, channels), channels 1 or 3.

    EXIF orientation is applied, transparency is composited on `background`, an embedded colour profile is converted to
    sRGB, and an animation gives its first frame. values: the range, black to white, for files of more than 8 bits;
    None: 0 to 65535 for 16 bits, and [0, 1] extended to the file's extremes for floats and other integers. Raises only
    ImageError, when the file isn't a complete image of at most `max_pixels`.
    """
    return _opaque(levels(decode(contents(path), max_pixels), values), background, channels)


def _opaque(found: Levels, background: tuple[int, int, int], channels: int) -> np.ndarray:
    colours = found.colours
    result = np.empty((*colours.shape[:2], channels), np.uint8)
    for part in blocks(colours.shape):
        pixels = to_bytes(colours[part])
        alpha = None if found.alpha is None else to_bytes(found.alpha[part])
        if alpha is not None or (pixels.shape[2] == 1 and channels == 3):
            pixels = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
        if alpha is not None:
            pixels = _flatten(pixels, alpha, background)
        if pixels.shape[2] > channels:
            pixels = np.asarray(to_pil(pixels).convert("L"))[..., None]
        result[part] = pixels
    return result


def _flatten(pixels: np.ndarray, alpha: np.ndarray, background: tuple[int, int, int]) -> np.ndarray:
    """RGB composited on an opaque colour, so that colours under full transparency aren't visible."""
    share = alpha[..., None].astype(np.uint32)
    mixed = (pixels * share + np.array(background, np.uint32) * (255 - share) + 127) // 255
    return mixed.astype(np.uint8)


def to_bytes(array: np.ndarray) -> np.ndarray:
    """Levels of uint8, uint16 or float32 in [0, 1], rounded to uint8."""
    if array.dtype == np.uint8:
        return array
    return np.rint(array / 257 if array.dtype == np.uint16 else array * 255).astype(np.uint8)


def resize(array: np.ndarray, size_hw: tuple[int, int], how: str = "bicubic") -> np.ndarray:
    """uint8 (H, W, 1 or 3) resized to (height, width), antialiased when it shrinks. `how`: bicubic, lanczos,
    area, or nearest, which is not."""
    height, width = size_hw
    if array.shape[:2] == (height, width):
        return array
    resized = np.asarray(to_pil(array).resize((width, height), FILTERS[how]))
    return resized[..., None] if array.shape[2] == 1 else resized


def thumbnail(array: np.ndarray, side: int = 128) -> np.ndarray:
    """uint8 (H, W, 1 or 3) reduced so that no side is longer than `side`."""
    height, width = array.shape[:2]
    scale = side / max(height, width)
    return array if scale >= 1 else resize(array, (max(1, round(height * scale)), max(1, round(width * scale))))


def to_png(array: np.ndarray) -> bytes:
    """uint8 (H, W, 1 or 3) as the bytes of a PNG file."""
    buffer = io.BytesIO()
    to_pil(array).save(buffer, "PNG")
    return buffer.getvalue()


def to_pil(array: np.ndarray) -> Image.Image:
    """uint8 (H, W, 1 or 3) as a Pillow image."""
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2] == 1 else array))
