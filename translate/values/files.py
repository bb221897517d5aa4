"""Files that hold measured values: which module reads a file, and one way to read and to write for all of them."""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from translate.errors import UserError
from translate.image import sniff
from translate.image.source import KINDS, MAX_PIXELS, ImageError
from translate.system.files import write_whole
from translate.values import geo
from translate.values.array import Header, Values
from translate.values.numbers import as_image_error, opened

TIFF = (".tif", ".tiff", ".btf", ".tf8")
SUFFIXES: dict[str, str] = {
    **dict.fromkeys(KINDS, "plain"), ".pfm": "plain", **dict.fromkeys(TIFF, "tiff"), ".npy": "npy", ".npz": "npy",
    **dict.fromkeys(geo.DRIVERS, "geo"), ".nii": "nifti", ".nii.gz": "nifti", ".dcm": "dicom", ".dicom": "dicom",
    ".ima": "dicom",
}  # fmt: skip
MODULES = tuple(dict.fromkeys(SUFFIXES.values()))
NO_SUFFIX = "dicom"  # what is written under a name without a suffix


def suffix_of(path: str | Path) -> str:
    """The suffix in lower case: ".nii.gz" is one."""
    name = Path(path).name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else os.path.splitext(name)[1]


def kind_of(path: str | Path) -> str | None:
    """The module that reads a file, by its first bytes; None if it is no image or can't be opened."""
    try:
        with opened(path) as file:
            head, size = file.read(1 << 16), os.fstat(file.fileno()).st_size
    except (ImageError, OSError):
        return None
    if head[128:132] == b"DICM":
        return "dicom"
    if geo.suffix_of(head, suffix_of(path), size):
        return "geo"
    if head.startswith(b"\x93NUMPY") or (head.startswith(b"PK\x03\x04") and suffix_of(path) == ".npz"):
        return "npy"
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return "nifti"
    if head.startswith(b"\x1f\x8b"):
        return "nifti" if suffix_of(path) == ".nii.gz" else None
    if head.startswith(sniff.TIFF_MAGIC):
        return "tiff"
    try:
        return "plain" if sniff.kind(head) else None
    except ImageError:
        # A TGA is recognised by its length too, which the first bytes don't have.
        return "plain" if suffix_of(path) == ".tga" else None


def header(path: str | Path) -> Header:
    """What a file says before its pixels are read. Raises only ImageError."""
    with as_image_error():
        return _module(path).header(Path(path))


def read(path: str | Path, slice: int = 0, max_pixels: int = MAX_PIXELS) -> Values:
    """One image of a file; of a volume the slice of this number, from 0. Raises only ImageError."""
    with as_image_error():
        return _module(path).read(Path(path), slice, max_pixels)


def outline(path: str | Path, slice: int = 0) -> Values:
    """What `read` gives, without the numbers: its array is (0, 0, C). For images larger than memory, as TiledWriter's
    `like`. Formats other than TIFF are decoded for it."""
    module = _module(path)
    with as_image_error():
        if hasattr(module, "outline"):
            return module.outline(Path(path), slice)
        found = module.read(Path(path), slice, MAX_PIXELS)
        found.array = found.array[:0, :0]
        return found


def window(path: str | Path, top: int, left: int, height: int, width: int, slice: int = 0) -> np.ndarray:
    """(height, width, C) of an image, at (top, left). Where `Header.windowed`, only what it needs is decoded. Threads
    may read windows of a file at the same time. ImageError; ValueError for a window outside of the image."""
    module = _module(path)
    with as_image_error():
        found = module.header(Path(path))
    if min(top, left) < 0 or min(height, width) < 1 or top + height > found.height or left + width > found.width:
        raise ValueError(f"no window of {height} x {width} at ({top}, {left}) in {found.height} x {found.width}")
    with as_image_error():
        if hasattr(module, "window"):
            return module.window(Path(path), top, left, height, width, slice)
        array = module.read(Path(path), slice, MAX_PIXELS).array
    return array[top : top + height, left : left + width].copy()


def encode(name: str, values: Values, slices: list[np.ndarray] | None = None) -> bytes:
    """The bytes of a file of this name: its suffix decides the format. `values.carried` counts where the format is the
    one that it was read from. slices: all images of a volume, instead of `values.array`.

    UserError where the format can't hold these numbers or so many channels.
    """
    kind = SUFFIXES.get(suffix_of(name), values.kind if not suffix_of(name) or values.kind == NO_SUFFIX else None)
    if kind is None:
        raise UserError(f"{name}: files of measured values are written as {', '.join(SUFFIXES)}.")
    try:
        return _named(kind).encode(name, values, slices)
    except ImageError as error:
        raise UserError(f"{name} can't be written: {error}.") from error


def write(path: str | Path, values: Values, slices: list[np.ndarray] | None = None) -> None:
    """Write `encode`'s bytes: the file appears whole or not at all. UserError."""
    write_whole(Path(path), encode(Path(path).name, values, slices))


def _module(path: str | Path) -> ModuleType:
    kind = kind_of(path)
    if kind is None:
        opened(path).close()  # says what it is, if it can't be opened
        raise ImageError(f"not an image{'' if suffix_of(path) not in SUFFIXES else ', whatever its suffix says'}")
    return _named(kind)


def _named(kind: str) -> ModuleType:
    return import_module(f"translate.values.{kind}")
