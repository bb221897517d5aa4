"""Where the numbers of a TIFF file are: its axes, pages, strips and tiles, checked against the file before decoding."""

import functools
import logging
import math
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from translate.image.source import ImageError
from translate.image.tiff_layout import PACKED
from translate.image.tiff_tags import Tags
from translate.values import tiff_meta
from translate.values.numbers import as_image_error, need, opened, refuse_size, version

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else what it logs is printed
JPEG = (6, 7, 34892, 33007)
YCBCR = 6
MASK = 4  # of a page's kind


@dataclass(frozen=True)
class Page:
    """Where the strips or tiles of one page are. offset 0: left out, as GDAL does where there is no value."""

    offsets: tuple[int, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """pages: (slices, C or 1) numbers in `found`. raw: (offset, shape, type, axes) if the whole series lies in
    one piece, uncompressed. segment: (height, width) of a strip or tile."""

    height: int
    width: int
    samples: int
    pages: np.ndarray
    found: tuple[Page, ...]
    dtype: np.dtype
    planar: bool
    segment: tuple[int, int]
    keyframe: Any
    tables: dict[str, Any]
    raw: tuple[int, tuple[int, ...], np.dtype, str] | None
    meta: tiff_meta.Meta
    notes: tuple[str, ...]

    @property
    def slices(self) -> int:
        return len(self.pages)

    @property
    def channels(self) -> int:
        return self.samples * self.pages.shape[1]


def layout(path: Path) -> Layout:
    need("science", "a TIFF file with its own values", "tifffile", "imagecodecs")
    return _layout(*version(path))


@functools.lru_cache(32)
def _layout(path: str, size: int, time: int) -> Layout:
    import tifffile

    _refuse_lost(path)
    with as_image_error(), tifffile.TiffFile(path) as file:
        if not file.series:
            raise ImageError("damaged (it has no picture's data)")
        series = file.series[0]
        key = series.keyframe
        if key.dtype is None or key.imagedepth != 1 or 0 in key.shape:
            raise ImageError("of a kind that can't be read here (a TIFF without a plane of numbers)")
        if series.is_multifile:
            raise ImageError("one of several files of an OME-TIFF set: save them as one file")
        axes, shape = series.axes, series.shape
        inner = len(key.axes.replace("S", "")) + (key.samplesperpixel > 1)
        lead, lengths = axes[: len(axes) - inner], shape[: len(axes) - inner]
        if axes[len(lead) :] != key.axes or "X" in lead or "Y" in lead:
            raise ImageError(f"of a kind that can't be read here (a TIFF with the axes {axes})")
        numbers = np.arange(math.prod(lengths)).reshape(lengths)
        numbers = np.moveaxis(numbers, lead.index("C"), -1) if "C" in lead else numbers[..., None]
        numbers = numbers.reshape(-1, numbers.shape[-1])
        planar = key.planarconfig == 2 and key.samplesperpixel > 1
        refuse_size(key.imagelength, key.imagewidth, key.samplesperpixel * numbers.shape[1], None)
        raw = _raw(series, key, size)
        pages = () if raw else tuple(_page(page, size) for page in _all(series, numbers.size))
        segment = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
        if min(segment) < 1 or math.prod(segment) > 4 * max(1 << 24, key.imagelength * key.imagewidth):
            raise ImageError("damaged (the size of its tiles)")
        tables: dict[str, Any] = {"jpegtables": key.jpegtables} if key.compression in JPEG else {}
        if not raw:
            _refuse_short(pages, key)
        masks = sum(bool(other.keyframe.subfiletype & MASK) for other in file.series[1:])
        count = len(file.series) - masks
        notes = [f"the first of {count} pictures in the file"] if count > 1 else []
        if masks:
            notes.append("its mask is not read: only a nodata value marks pixels without a value")
        if key.dtype.name == "bool":
            notes.append("1 bit became 8: 0 and 1")
        _ = key.decode  # made while the file is open
        meta = tiff_meta.of(file, series, lead, lengths)
        return Layout(
            key.imagelength, key.imagewidth, key.samplesperpixel, numbers, pages, np.dtype(key.dtype), planar,
            segment, key, tables, raw, meta, (*notes, *meta.notes),
        )  # fmt: skip


def _refuse_lost(path: str) -> None:
    """ImageError where metadata lie outside of the file: tifffile would read the rest of it."""
    with opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if Tags(content).damaged & set(tiff_meta.KEPT):  # type: ignore[arg-type]
            raise ImageError("truncated")


def _all(series: Any, count: int) -> list[Any]:
    if len(series) != count:
        raise ImageError("damaged (parts of it are missing)")
    pages = [series[number] for number in range(count)]
    if any(page is None for page in pages):
        raise ImageError("damaged (parts of it are missing)")
    return pages


def _page(page: Any, size: int) -> Page:
    offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
    if len(offsets) != len(counts) or not offsets:
        raise ImageError("damaged (parts of it are missing)")
    if any(offset and offset + count > size for offset, count in zip(offsets, counts, strict=True)):
        raise ImageError("truncated")
    return Page(offsets, counts)


def _refuse_short(pages: tuple[Page, ...], key: Any) -> None:
    """ImageError where a page holds less than its size needs. GDAL leaves out tiles without values."""
    down, across = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, key.imagewidth)
    planes = key.samplesperpixel if key.planarconfig == 2 else 1
    parts = math.ceil(key.imagelength / down) * math.ceil(key.imagewidth / across) * planes
    bits = down * across * key.samplesperpixel // planes * key.bitspersample
    densest = PACKED.get(int(key.compression), math.inf) if key.photometric != YCBCR else math.inf
    sparse = tiff_meta.is_gdal(key)
    for page in pages:
        if len(page.offsets) < parts or (not sparse and not all(page.counts)):
            raise ImageError("damaged (parts of it are missing)")
        if key.is_tiled and any(count and bits / 8 > count * densest + 8 for count in page.counts):
            raise ImageError("truncated")
        whole = key.imagelength * key.imagewidth * key.samplesperpixel * key.bitspersample / 8
        if not sparse and whole > sum(page.counts) * densest:
            raise ImageError("truncated")


def _raw(series: Any, key: Any, size: int) -> tuple[int, tuple[int, ...], np.dtype, str] | None:
    """See Layout."""
    offset = series.dataoffset
    if offset is None or key.bitspersample not in (8, 16, 32, 64):
        return None
    dtype = np.dtype(key.dtype).newbyteorder(series.parent.byteorder if series.parent else "<")
    if offset + math.prod(series.shape) * dtype.itemsize > size:
        raise ImageError("truncated")
    return offset, series.shape, dtype, series.axes
