"""Image files as arrays: read as a viewer shows them, resized, written as PNG. Contact sheets are in sheet.py."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from translate.image.colour import to_srgb
from translate.image.sheet import sheet

__all__ = [
    "SUFFIXES",
    "ImageError",
    "contents",
    "decode",
    "is_image_name",
    "load",
    "read",
    "resize",
    "sheet",
    "thumbnail",
    "to_pil",
    "to_png",
    "upright",
]

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"}
)  # lower case; `is_image_name` takes any case
Image.init()  # registers all formats; Pillow doing it at the first strange file is not safe in threads
# An allowlist, because Pillow would hand an EPS file to Ghostscript. Content decides, not the suffix.
ALLOWED = ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "DIB", "TIFF", "GIF", "PPM"]
FORMATS = [name for name in ALLOWED if name in Image.OPEN]
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8", b"II*\0", b"MM\0*", b"BM")
FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
WHITE = (255, 255, 255)
MAX_PIXELS = 64_000_000
MAX_BYTES = 2_000_000_000
Result = TypeVar("Result")


class ImageError(Exception):
    """Why a file can't be used as an image, in a few words without the file's name ("truncated")."""


def is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def read(
    path: str | Path,
    *,
    background: tuple[int, int, int] = WHITE,
    channels: int = 3,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """The image in `path` as uint8 (H, W, channels), channels 1 or 3, looking as a viewer shows it.

    EXIF orientation is applied, transparency is laid on `background`, 16-bit grey keeps its 256 levels, an embedded
    colour profile is converted to sRGB, of an animation the first frame is taken. Raises ImageError, and nothing
    else, when the file isn't a whole image of at most `max_pixels`.
    """
    image = load(path, max_pixels=max_pixels)
    try:
        return _array(image, background, channels)
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(_reason(error, b"")) from error


def load(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The file as a Pillow image in its own mode, decoded and upright. Raises ImageError, and nothing else."""
    return decode(contents(path), lambda image: upright(image, max_pixels))


def contents(path: str | Path) -> bytes:
    """The file's bytes. Raises ImageError, and nothing else, when it isn't a file that can be read and has some."""
    try:
        information = os.stat(path)
        # Before opening: a FIFO would block for ever, a device may never end.
        if not stat.S_ISREG(information.st_mode):
            raise ImageError(_kind(information.st_mode))
        if information.st_size == 0:
            raise ImageError("empty (0 bytes)")
        if information.st_size > MAX_BYTES:
            raise ImageError(f"{information.st_size:,} bytes, more than the limit of {MAX_BYTES:,}")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise ImageError("a link to nothing" if os.path.islink(path) else "does not exist") from None
    except (OSError, MemoryError, ValueError) as error:
        raise ImageError(_reason(error, b"")) from error


def decode(data: bytes, use: Callable[[Image.Image], Result]) -> Result:
    """What `use` makes of the Pillow image in `data`. Raises ImageError, and nothing else."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return use(image)
    except ImageError:
        raise
    # Decoders raise SyntaxError, ValueError, struct.error, RuntimeError, ... on damaged files, not only OSError.
    except Exception as error:
        raise ImageError(_reason(error, data[:16])) from error


def upright(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """A Pillow image, decoded and turned as its EXIF orientation says. ImageError when it is too large."""
    width, height = image.size
    if width * height > max_pixels:  # known from the header, before anything is decoded
        raise ImageError(f"{width} x {height} pixels, more than the limit of {max_pixels:,} (max_pixels)")
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image.copy()  # damaged EXIF says nothing about the picture


def resize(array: np.ndarray, size_hw: tuple[int, int], how: str = "bicubic") -> np.ndarray:
    """uint8 (H, W, 1 or 3) resized to (height, width), antialiased when it shrinks. `how`: bicubic, lanczos or area."""
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


def _array(image: Image.Image, background: tuple[int, int, int], channels: int) -> np.ndarray:
    """A decoded, upright image of any mode as uint8 (H, W, channels)."""
    if image.mode.startswith("I") or image.mode == "F":
        grey = _eight_bits(np.asarray(image))
        return np.repeat(grey[..., None], channels, axis=2)
    image = to_srgb(image)
    if image.has_transparency_data:
        image = _flatten(image.convert("RGBA"), background)
    array = np.array(image.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return array[..., None] if channels == 1 else array


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Deep grey (H, W) as uint8. Files don't say which range they use, so the values decide:
    floats in [0, 1], then [0, 255] for floats, then 16 bits; anything else from its lowest to its highest value."""
    values64 = values.astype(np.float64)
    if not np.isfinite(values64).all():
        raise ImageError("contains NaN or infinity")
    low, high = float(values64.min()), float(values64.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        scaled = values64 * 255
    elif values.dtype.kind == "f" and low >= 0 and high <= 255:
        scaled = values64
    elif low >= 0 and high <= 65535:
        scaled = values64 / 257
    else:
        scaled = (values64 - low) * (255 / max(high - low, 1e-12))
    return np.rint(scaled).astype(np.uint8)


def _flatten(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """RGBA laid on an opaque colour, so that what hides under full transparency is never seen."""
    pixels = np.asarray(image).astype(np.uint32)
    alpha = pixels[..., 3:]
    mixed = (pixels[..., :3] * alpha + np.array(background, np.uint32) * (255 - alpha) + 127) // 255
    return Image.fromarray(mixed.astype(np.uint8))


def _kind(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe (FIFO)", stat.S_ISSOCK: "a socket"}
    return next((name for test, name in kinds.items() if test(mode)), "a device") + ", not a file"


def _reason(error: Exception, head: bytes) -> str:
    text = str(error)
    if isinstance(error, UnidentifiedImageError):
        return "damaged at its beginning" if head.startswith(SIGNATURES) else "not an image"
    if isinstance(error, Image.DecompressionBombError):
        return "far more pixels than the limit (max_pixels)"
    if isinstance(error, PermissionError):
        return "may not be read (permissions)"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return "truncated"
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return f"damaged ({' '.join(text.split())[:100] or type(error).__name__})"
