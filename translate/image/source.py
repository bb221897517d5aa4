"""Reads the bytes of image files: size limits, errors, and the supported suffixes and formats."""

import os
import stat
from collections import Counter
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from translate.system.text import printable

MAX_PIXELS = 64_000_000
MAX_BYTES = 2_000_000_000
# The formats that can be written, by suffix. For reading, the content decides, not the suffix.
KINDS = {
    ".png": "PNG", ".apng": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".webp": "WEBP",
    ".avif": "AVIF", ".bmp": "BMP", ".dib": "DIB", ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".tga": "TGA",
    ".ppm": "PPM", ".pgm": "PPM", ".pnm": "PPM", ".pbm": "PPM",
}  # fmt: skip
SUFFIXES = frozenset(KINDS)  # lower case; `is_image_name` takes any case
UNSUPPORTED = ("unsupported", "not supported", "unknown", "unrecognized", "cannot handle", "not implemented")


class ImageError(Exception):
    """A file can't be used as an image. The message is a few words without the file's name ("truncated")."""


def is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


class PassedOver(Counter[str]):
    """Files that were skipped, counted by suffix."""

    def add(self, name: str) -> None:
        if not name.startswith("."):
            self[os.path.splitext(name)[1].lower() or "no ending"] += 1

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {printable(ending)}" for ending, count in sorted(self.items(), key=_most_first))


def contents(path: str | Path) -> bytes:
    """The file's bytes. Raises only ImageError, when the file can't be read or is empty."""
    try:
        information = os.stat(path)
        refuse_special(information.st_mode)
        if information.st_size == 0:
            raise ImageError("empty (0 bytes)")
        if information.st_size > MAX_BYTES:
            raise ImageError(f"{information.st_size:,} bytes, more than the limit of {MAX_BYTES:,}")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, MemoryError, ValueError) as error:
        raise ImageError(reason(error)) from error


def missing(path: str | Path) -> ImageError:
    """The error for a path at which there is nothing."""
    return ImageError("a link to nothing" if os.path.islink(path) else "does not exist")


def refuse_special(mode: int) -> None:
    """ImageError unless it is a regular file. Called before opening: a FIFO would block, a device may never end."""
    if not stat.S_ISREG(mode):
        kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe (FIFO)", stat.S_ISSOCK: "a socket"}
        raise ImageError(next((name for test, name in kinds.items() if test(mode)), "a device") + ", not a file")


def refuse_large(width: int, height: int, max_pixels: int) -> None:
    """ImageError when a header declares more pixels than allowed, or none, before anything is decoded."""
    if width < 1 or height < 1:
        raise ImageError(f"{width} x {height} pixels: has no picture in it")
    if width * height > max_pixels:
        raise ImageError(f"{width} x {height} pixels, more than the limit of {max_pixels:,} (max_pixels)")


def reason(error: BaseException) -> str:
    """A short message for an exception of a decoder or of the system."""
    text = " ".join(str(error).split())
    if isinstance(error, UnidentifiedImageError):
        return "damaged at its beginning"
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
    if any(word in text.lower() for word in UNSUPPORTED) and not isinstance(error, TypeError):
        return f"of a kind that can't be read here ({text[:100]})"
    return f"damaged ({text[:100] or type(error).__name__})"
