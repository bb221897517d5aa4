"""What all readers of this package share: the types of numbers, limits, and errors in one form."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from translate.image.source import ImageError, missing, reason, refuse_large, refuse_special
from translate.system.untrusted import open_regular

MAX_CHANNELS = 64
KEPT = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")
BECOMES = {"bool": "uint8", "int64": "int32", "uint64": "uint32", "float16": "float32", "float64": "float32"}


@contextmanager
def as_image_error() -> Iterator[None]:
    """Whatever a library raises on a damaged file becomes an ImageError. MemoryError too."""
    try:
        yield
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(reason(error)) from error


def opened(path: str | Path) -> BinaryIO:
    """A regular file that isn't empty, open for reading. Raises only ImageError."""
    try:
        refuse_special(os.stat(path).st_mode)
        file = open_regular(path)
        if os.fstat(file.fileno()).st_size == 0:
            file.close()
            raise ImageError("empty (0 bytes)")
        return file
    except FileNotFoundError:
        raise missing(path) from None
    except (OSError, ValueError) as error:
        raise ImageError(reason(error)) from error


def version(path: str | Path) -> tuple[str, int, int]:
    """What a cache knows a file by: path, size and time. ImageError where there is no file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise (missing(path) if isinstance(error, FileNotFoundError) else ImageError(reason(error))) from None
    refuse_special(status.st_mode)
    return str(path), status.st_size, status.st_mtime_ns


def need(extra: str, what: str, *modules: str) -> None:
    """ImageError unless the modules of an extra are installed."""
    if not all(importlib.util.find_spec(module) for module in modules):
        raise ImageError(f"{what}: pip install 'imgtranslate[{extra}]' reads it")


def kept_type(dtype: np.dtype) -> np.dtype:
    """The type in which numbers of `dtype` are held: see Values. ImageError for complex numbers and records."""
    name = np.dtype(BECOMES.get(dtype.name, dtype.name))
    if name.name not in KEPT:
        raise ImageError(f"of a kind that can't be read here (its numbers are {dtype.name})")
    return name


def kept(array: np.ndarray, notes: list[str]) -> np.ndarray:
    """The numbers in their kept type and native byte order. ImageError for integers that don't fit."""
    wanted = kept_type(array.dtype)
    if wanted.kind in "iu" and array.dtype.itemsize > 4:
        bounds = np.iinfo(wanted)
        if array.size and (array.min() < bounds.min or array.max() > bounds.max):
            raise ImageError("of a kind that can't be read here (64-bit integers that need more than 32 bits)")
    if array.dtype.name == "float64":
        notes.append("64-bit floats became 32-bit floats")
        with np.errstate(over="ignore"):
            return array.astype(wanted)
    return array.astype(wanted, copy=False)


def refuse_size(height: int, width: int, channels: int, max_pixels: int | None) -> None:
    """ImageError for an image without pixels, or larger than allowed. max_pixels: None for windows."""
    refuse_large(width, height, max_pixels if max_pixels is not None else 1 << 62)
    if not 1 <= channels <= MAX_CHANNELS:
        raise ImageError(f"{channels} channels, more than the limit of {MAX_CHANNELS}")


def the_slice(number: int, count: int) -> int:
    """The number of a slice, checked. ImageError."""
    if not 0 <= number < count:
        raise ImageError(f"has no slice {number}: it has {count:,}, counted from 0")
    return number
