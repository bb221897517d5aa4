"""NIfTI-1 and -2 (.nii, .nii.gz), through nibabel: slices across the third axis, scaled as the header says.

An image's rows are the second axis of the file and its columns the first, in the order of the file: the affine,
which is kept, says where they point to. The fourth or fifth axis holds channels: echoes, contrasts, components.
"""

import functools
import gzip
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from translate.image.source import ImageError
from translate.values.array import Header, Values
from translate.values.numbers import as_image_error, kept, kept_type, need, opened, refuse_size, the_slice, version

HELD = 1 << 30  # bytes of a compressed volume that are kept for its next slices
DENSEST = 1100  # gzip's largest ratio


def header(path: Path) -> Header:
    image = _opened(path)
    width, height, depth, channels = _shape(image)
    refuse_size(height, width, channels, None)
    dtype = (
        np.dtype(np.uint8) if _is_rgb(image) else kept_type(np.dtype(np.float32) if _scaled(image) else _dtype(image))
    )
    return Header(height, width, channels, dtype.name, depth, windowed=not _packed(path))


def read(path: Path, slice: int, max_pixels: int) -> Values:
    image = _opened(path)
    width, height, depth, channels = _shape(image)
    refuse_size(height, width, channels, max_pixels)
    the_slice(slice, depth)
    notes: list[str] = []
    array = _taken(path, image, 0, 0, height, width, slice, notes)
    carried = {
        "affine": image.affine, "header": image.header.copy(), "class": type(image), "rgb": _is_rgb(image),
        "slice": slice, "size": (height, width), "slices": depth,
    }  # fmt: skip
    return Values(array, kind="nifti", carried=carried, notes=notes)


def window(path: Path, top: int, left: int, height: int, width: int, slice: int) -> np.ndarray:
    image = _opened(path)
    the_slice(slice, _shape(image)[2])
    return _taken(path, image, top, left, height, width, slice, [])


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """A volume of all `slices`, or of one: with the affine of that slice."""
    need("medical", "a NIfTI file", "nibabel")
    import nibabel

    carried = values.carried if values.kind == "nifti" else {}
    images = slices if slices is not None else [values.array]
    data = np.stack([image.transpose(1, 0, 2) for image in images], axis=2)
    before = carried["header"].get_data_shape() if carried else ()
    if carried.get("rgb") and data.shape[3] == 3 and data.dtype == np.uint8:
        data = np.ascontiguousarray(data).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    elif data.shape[3] == 1:
        flat = len(before) == 2 and data.shape[2] == 1
        data = data[:, :, 0, 0] if flat else data.reshape(data.shape[:3] + (1,) * (max(len(before), 3) - 3))
    elif len(before) == 5:
        data = data[:, :, :, None]
    if not carried:
        values.notes.append("voxels of 1 mm: what it was made from is no NIfTI file, whose affine would be kept")
    kind = carried.get("class", nibabel.Nifti1Image)
    affine = _affine(carried, images, slices is None) if carried else np.eye(4)
    image = kind(data, affine, carried.get("header"), dtype=data.dtype)
    image.header.set_slope_inter(1, 0)
    image.header.set_data_dtype(data.dtype)
    content = image.to_bytes()
    return gzip.compress(content, 6, mtime=0) if name.lower().endswith(".gz") else content


def _affine(carried: dict[str, Any], images: list[np.ndarray], one: bool) -> np.ndarray:
    """The affine of these images: of one slice of a volume, or resized. Places of voxels are those of their centres."""
    affine = carried["affine"].copy()
    if one and carried["slices"] > 1:
        affine[:3, 3] += affine[:3, 2] * carried["slice"]
    before, after = carried["size"], images[0].shape[:2]
    for axis, factor in ((0, before[1] / after[1]), (1, before[0] / after[0])):
        affine[:3, 3] += affine[:3, axis] * (factor - 1) / 2
        affine[:3, axis] *= factor
    return affine


def _opened(path: Path) -> Any:
    need("medical", "a NIfTI file", "nibabel")
    return _image(*version(path))


@functools.lru_cache(32)
def _image(path: str, size: int, time: int) -> Any:
    import nibabel

    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # it prints what it repairs
    opened(path).close()
    with as_image_error():
        with gzip.open(path) if _packed(Path(path)) else open(path, "rb") as file:
            second = file.read(8)[4:8] == b"n+2\0"
        image = (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_filename(path)
        width, height, depth, channels = _shape(image)
        needed = width * height * depth * channels * _dtype(image).itemsize // (3 if _is_rgb(image) else 1)
        if min(width, height, depth) < 1 or needed > size * (DENSEST if _packed(Path(path)) else 1):
            raise ImageError("truncated")
        return image


def _packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _shape(image: Any) -> tuple[int, int, int, int]:
    """(width, height, slices, channels). ImageError for other axes."""
    shape = tuple(int(length) for length in image.shape)
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) < 2 or len([length for length in shape[3:] if length != 1]) > 1:
        raise ImageError(f"of a kind that can't be read here (a NIfTI file of {len(shape)} axes, {shape})")
    channels = 3 if _is_rgb(image) else 1
    return shape[0], shape[1], shape[2] if len(shape) > 2 else 1, math.prod(shape[3:]) * channels


def _dtype(image: Any) -> np.dtype:
    return image.get_data_dtype()


def _is_rgb(image: Any) -> bool:
    return _dtype(image).names == ("R", "G", "B")


def _scaled(image: Any) -> bool:
    return (image.dataobj.slope, image.dataobj.inter) != (1, 0)


def _taken(path: Path, image: Any, top: int, left: int, height: int, width: int, number: int, notes: list[str]):
    """(height, width, C) of a slice."""
    part: tuple = (slice(left, left + width), slice(top, top + height))
    if len(image.shape) > 2:
        part += (number,)
    with as_image_error():
        whole = _packed(path) and math.prod(image.shape) * _dtype(image).itemsize <= HELD
        array = np.asarray(_volume(*version(path))[part] if whole else image.dataobj[part])
    if array.dtype.names:
        array = np.stack([array[name] for name in array.dtype.names], axis=-1)
    array = array.reshape(width, height, -1).transpose(1, 0, 2)
    if _scaled(image):
        array = array.astype(np.float32)
    return np.ascontiguousarray(kept(array, notes))


@functools.lru_cache(1)
def _volume(path: str, size: int, time: int) -> np.ndarray:
    """All numbers of a compressed volume, of which a slice alone would cost the same."""
    image = _image(path, size, time)
    with gzip.open(path) as file:
        content = file.read(image.dataobj.offset + math.prod(image.shape) * _dtype(image).itemsize)
        while file.read(1 << 20):  # to its end, where gzip compares its checksum
            pass
    image = type(image).from_bytes(content)
    return np.asarray(image.dataobj, dtype=np.float32 if _scaled(image) else None)
