"""NumPy's files: .npy through a memory map, and .npz with one array, or with one named image or data. No pickles."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from translate.image.source import ImageError
from translate.values.array import Header, Values
from translate.values.numbers import MAX_CHANNELS, as_image_error, kept, kept_type, opened, refuse_size, the_slice

NAMES = ("image", "data")
LARGEST = 1 << 36  # bytes of an array in an .npz, which is read whole


def places(shape: tuple[int, ...]) -> tuple[int | None, int]:
    """(the axis of channels or None, the number of slices) of an array of this shape.

    (H, W) has none. In (H, W, C) and (C, H, W) the channels are the shorter one of the first and the last axis; the
    last, if they are equal; it has at most 64 entries. A fourth axis in front counts slices. ImageError for others.
    """
    if len(shape) == 2:
        return None, 1
    if len(shape) not in (3, 4):
        raise ImageError(f"an array of shape {shape}: (H, W), (H, W, C), (C, H, W) or slices of these are read")
    first, last = shape[-3], shape[-1]
    if min(first, last) > MAX_CHANNELS:
        raise ImageError(
            f"an array of shape {shape}: neither its first nor its last axis has at most {MAX_CHANNELS} channels"
        )
    return (-3 if first < last else -1), (shape[0] if len(shape) == 4 else 1)


def header(path: Path) -> Header:
    array = _array(path, headers=True)
    height, width, channels = _one(array, 0).shape
    refuse_size(height, width, channels, None)
    mapped = path.suffix.lower() == ".npy"
    return Header(height, width, channels, kept_type(array.dtype).name, places(array.shape)[1], windowed=mapped)


def read(path: Path, slice: int, max_pixels: int) -> Values:
    array = _array(path)
    image = _one(array, the_slice(slice, places(array.shape)[1]))
    height, width, channels = image.shape
    refuse_size(height, width, channels, max_pixels)
    notes: list[str] = []
    values = np.array(kept(image, notes), order="C")
    carried = {"shape": array.shape, "channels": places(array.shape)[0]}
    return Values(values, kind="npy", notes=notes, carried=carried)


def window(path: Path, top: int, left: int, height: int, width: int, slice: int) -> np.ndarray:
    array = _array(path)
    image = _one(array, the_slice(slice, places(array.shape)[1]))
    return np.array(kept(image[top : top + height, left : left + width], []), order="C")


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """As the file was laid out: channels first or last, two axes where there was no axis of channels."""
    before = values.carried.get("shape", ()) if values.kind == "npy" else ()
    axis = values.carried.get("channels", -1) if values.kind == "npy" else -1

    images = slices if slices is not None else [values.array]
    many = len(images) > 1 or (slices is not None and len(before) == 4)

    def arranged(image: np.ndarray) -> np.ndarray:
        if image.shape[2] == 1 and not many and (axis is None or not before):
            return image[..., 0]
        return np.moveaxis(image, 2, 0) if axis == -3 else image

    arrays = [arranged(image) for image in images]
    array = np.ascontiguousarray(np.stack(arrays) if many else arrays[0])
    buffer = io.BytesIO()
    if name.lower().endswith(".npz"):
        np.savez_compressed(buffer, image=array)
    else:
        np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _one(array: np.ndarray, slice: int) -> np.ndarray:
    """One slice as (H, W, C), without copying."""
    axis, _ = places(array.shape)
    image = array[slice] if array.ndim == 4 else array
    return image[..., None] if axis is None else np.moveaxis(image, axis, -1)


def _array(path: Path, headers: bool = False) -> np.ndarray:
    """The array in a file. headers: only its shape and type count, so that nothing is decompressed."""
    opened(path).close()
    with as_image_error():
        if zipfile.is_zipfile(path):
            return _zipped(path, headers)
        try:
            array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise ImageError("truncated" if "mmap length" in str(error) else "damaged at its beginning") from error
        kept_type(array.dtype)
        return array


def _zipped(path: Path, headers: bool) -> np.ndarray:
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        wanted = [name for name in NAMES if name in members] or list(members)
        if len(wanted) != 1 and not set(wanted) & set(NAMES):
            known = ", ".join(sorted(members)[:6])
            raise ImageError(f"{len(members)} arrays ({known}): one array, or one named image or data, is read")
        entry = members[wanted[0]]
        with archive.open(entry) as file:
            kind = np.lib.format.read_magic(file)
            reader = np.lib.format.read_array_header_1_0 if kind == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = reader(file)
        kept_type(dtype)
        places(shape)
        size = int(np.prod(shape, dtype=object)) * dtype.itemsize
        if size > min(LARGEST, entry.file_size) or entry.file_size > 1100 * entry.compress_size:
            raise ImageError("truncated")
        if headers:
            return np.broadcast_to(np.zeros((), dtype), shape)
        with archive.open(entry) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
