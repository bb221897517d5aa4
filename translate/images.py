"""Image files as arrays: read as a viewer shows them, resized, written as PNG. Contact sheets: translate/sheet.py."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from translate.sheet import sheet

__all__ = [
    "SUFFIXES",
    "ImageError",
    "from_pil",
    "is_image_name",
    "load",
    "opened",
    "read",
    "resize",
    "sheet",
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


def opened(path: str | Path, use: Callable[[Image.Image], Result], *, max_pixels: int = MAX_PIXELS) -> Result:
    """What `use` makes of the Pillow image in the file. ImageError for what is wrong with the file; what `use` raises
    comes out as it is."""
    return use(load(path, max_pixels=max_pixels))


def load(path: str | Path, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The file as a Pillow image in its own mode, decoded and upright. Raises ImageError, and nothing else."""
    head = b""
    try:
        information = os.stat(path)
        # Before opening: a FIFO would block for ever, a device may never end.
        if not stat.S_ISREG(information.st_mode):
            raise ImageError(_kind(information.st_mode))
        if information.st_size == 0:
            raise ImageError("empty (0 bytes)")
        with open(path, "rb") as file:
            head = file.read(16)
            file.seek(0)
            with Image.open(file, formats=FORMATS) as image:
                return upright(image, max_pixels)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError("a link to nothing" if os.path.islink(path) else "does not exist") from None
    # Decoders raise SyntaxError, ValueError, struct.error, RuntimeError, ... on damaged files, not only OSError.
    except Exception as error:
        raise ImageError(_reason(error, head)) from error


def from_pil(
    image: Image.Image,
    *,
    background: tuple[int, int, int] = WHITE,
    channels: int = 3,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """A Pillow image of any mode as uint8 (H, W, channels), as `read` does it. ImageError when it is too large."""
    return _array(upright(image, max_pixels), background, channels)


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
    image = _to_srgb(image)
    if image.has_transparency_data:
        image = _flatten(image.convert("RGBA"), background)
    array = np.array(image.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    return array[..., None] if channels == 1 else array


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Deep grey (H, W) as uint8. Files don't say which range they use, so the values decide:
    floats in [0, 1], then [0, 255] for floats, then 16 bits; anything else from its lowest to its highest value."""
    deep = values.astype(np.float64)
    if not np.isfinite(deep).all():
        raise ImageError("contains NaN or infinity")
    low, high = float(deep.min()), float(deep.max())
    if values.dtype.kind == "f" and low >= 0 and high <= 1:
        scaled = deep * 255
    elif values.dtype.kind == "f" and low >= 0 and high <= 255:
        scaled = deep
    elif low >= 0 and high <= 65535:
        scaled = deep / 257
    else:
        scaled = (deep - low) * (255 / max(high - low, 1e-12))
    return np.rint(scaled).astype(np.uint8)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Through the embedded colour profile where there is a usable one; LAB and CMYK come back as RGB."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        try:
            return _through_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except Exception:
            pass  # a profile that is damaged or for another colour space: show the numbers as they are
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return _through_profile(image, lab)
    return image if image.mode in ("L", "LA", "RGBA", "P", "PA") else _plain_rgb(image)


def _through_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    if "sRGB" in ImageCms.getProfileDescription(profile):
        return image
    alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
    colour = image if alpha is None else image.convert(image.mode.removesuffix("A"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(profile, srgb, colour.mode, "RGB")
    result = ImageCms.applyTransform(colour, transform)
    assert result is not None  # None only with inPlace
    if alpha is not None:
        result.putalpha(alpha)
    elif "transparency" in image.info:
        raise ValueError("a transparent colour would not survive the conversion")
    return result


def _plain_rgb(image: Image.Image) -> Image.Image:
    return image if image.mode == "RGB" else image.convert("RGBA" if image.has_transparency_data else "RGB")


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
