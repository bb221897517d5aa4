"""TIFF, BigTIFF, GeoTIFF, OME-TIFF and ImageJ stacks, through tifffile: samples as they are stored, and windows.

An image is (H, W, C): C are the samples of a page, its planes, or the pages along an axis C. The pages along all other
axes (Z, T, I …) are slices, in the file's order. Only the first series of a file is read, at full resolution.
"""

import math
import os
from pathlib import Path

import numpy as np

from translate.image.source import ImageError
from translate.system.untrusted import open_regular
from translate.values import tiff_write
from translate.values.array import Header, Values
from translate.values.numbers import as_image_error, kept, kept_type, need, refuse_size, the_slice
from translate.values.tiff_pages import Layout, Page, layout

PART = 1 << 26  # bytes of a decoded strip or tile up to which reading a window costs little


def header(path: Path) -> Header:
    found = layout(path)
    deep = found.samples if not found.planar else 1
    part = found.segment[0] * found.segment[1] * deep * found.dtype.itemsize
    return Header(
        found.height, found.width, found.channels, kept_type(found.dtype).name, found.slices, found.meta.nodata,
        found.meta.unit, found.meta.names, windowed=found.raw is not None or part <= PART,
    )  # fmt: skip


def read(path: Path, slice: int, max_pixels: int) -> Values:
    found = layout(path)
    refuse_size(found.height, found.width, found.channels, max_pixels)
    notes = list(found.notes)
    array = kept(_cut(path, found, 0, 0, found.height, found.width, the_slice(slice, found.slices)), notes)
    return _values(found, array, slice, notes)


def outline(path: Path, slice: int) -> Values:
    found = layout(path)
    return _values(found, np.empty((0, 0, found.channels), kept_type(found.dtype)), slice, list(found.notes))


def _values(found: Layout, array: np.ndarray, slice: int, notes: list[str]) -> Values:
    meta = found.meta
    carried = {**meta.carried, "slice": slice, "size": (found.height, found.width), "channels": found.channels}
    return Values(array, meta.nodata, meta.unit, meta.names, "tiff", carried, notes)


def window(path: Path, top: int, left: int, height: int, width: int, slice: int) -> np.ndarray:
    found = layout(path)
    return kept(_cut(path, found, top, left, height, width, the_slice(slice, found.slices)), [])


def _cut(path: Path, found: Layout, top: int, left: int, height: int, width: int, slice: int) -> np.ndarray:
    """(height, width, C) of the file's own type, decoded part by part."""
    if found.raw:
        return _mapped(path, found, slice)[top : top + height, left : left + width].copy()
    result = np.empty((height, width, found.channels), found.dtype.newbyteorder("="))
    with as_image_error(), open_regular(path) as file:
        for number, page in enumerate(found.pages[slice]):
            channels = range(number * found.samples, (number + 1) * found.samples)
            _page_into(result[..., channels.start : channels.stop], file.fileno(), found, found.found[page], top, left)
    return result


def _mapped(path: Path, found: Layout, slice: int) -> np.ndarray:
    """(H, W, C) of one slice, on the disk."""
    assert found.raw
    offset, shape, dtype, axes = found.raw
    last = [axes.index(name) for name in "YXCS" if name in axes]
    first = [number for number in range(len(axes)) if number not in last]
    with as_image_error():
        array = np.memmap(path, dtype, "r", offset, shape).transpose(first + last)
    inner = 2 + sum(name in "CS" for name in axes)
    if array.ndim > inner:
        array = array[np.unravel_index(slice, array.shape[: array.ndim - inner])]
    return array.reshape(found.height, found.width, -1)


def _page_into(result: np.ndarray, file: int, found: Layout, page: Page, top: int, left: int) -> None:
    """The part of a page at (top, left) into `result` (h, w, samples)."""
    height, width = result.shape[:2]
    down, across = found.segment
    wide = math.ceil(found.width / across)
    each = math.ceil(found.height / down) * wide
    for plane in range(found.samples if found.planar else 1):
        for row in range(top // down, (top + height - 1) // down + 1):
            for column in range(left // across, (left + width - 1) // across + 1):
                part = _segment(file, found, page, plane * each + row * wide + column)
                above, before = row * down, column * across
                y, x = max(above, top), max(before, left)
                end = min(above + down, top + height), min(before + across, left + width)
                target = result[y - top : end[0] - top, x - left : end[1] - left]
                if found.planar:
                    target = target[..., plane : plane + 1]
                if part is None:
                    target[...] = found.meta.nodata or 0
                    continue
                taken = part[y - above : end[0] - above, x - before : end[1] - before]
                if taken.shape != target.shape:
                    raise ImageError("damaged (the size of its parts)")
                target[...] = taken


def _segment(file: int, found: Layout, page: Page, number: int) -> np.ndarray | None:
    """(h, w, samples) of a strip or tile, or None if it was left out."""
    offset, count = page.offsets[number], page.counts[number]
    if not count or not offset:
        return None
    data = os.pread(file, count, offset) if hasattr(os, "pread") else _seek_and_read(file, count, offset)
    if len(data) < count:
        raise ImageError("truncated")
    part, _, _ = found.keyframe.decode(data, number, **found.tables)
    return None if part is None else part[0]


def _seek_and_read(file: int, count: int, offset: int) -> bytes:
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, count)


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """See tiff_write."""
    need("science", "a TIFF file with its own values", "tifffile", "imagecodecs")
    return tiff_write.encode(values, slices)
