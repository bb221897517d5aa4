"""TIFF: chooses the decoder by the file's tags, and raises a specific error for what no decoder reads correctly.

Pillow reads the common types of 8 bits. All others need tifffile and imagecodecs, the extra `science`; without it
OpenCV reads the simplest 16-bit and float pictures, and the rest raises ImageError.
"""

import importlib.util
import io
import logging

import numpy as np

from translate.image import lab
from translate.image.opencv import imdecode
from translate.image.raw import Raw, blocks
from translate.image.source import ImageError
from translate.image.tiff_layout import (
    ASSOCIATED,
    BLACK_IS_ZERO,
    CIELAB,
    CMYK,
    COLOURS,
    FLOAT,
    RGB,
    UNASSOCIATED,
    UNSIGNED,
    WHITE_IS_ZERO,
    Layout,
)

OPENCV = {1, 5, 8, 32946, 32773}  # compressions: none, LZW, deflate (two numbers), PackBits
logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else what it logs is printed
EXTRA = "pip install 'imgtranslate[science]' reads it"


def science() -> bool:
    return bool(importlib.util.find_spec("tifffile") and importlib.util.find_spec("imagecodecs"))


def decode(data: bytes, found: Layout) -> Raw:
    """Decodes everything but the common types of 8 bits. Raises only ImageError."""
    colours = COLOURS.get(found.photometric)
    if colours is None or found.samples < colours or found.format > FLOAT:
        raise ImageError(f"of a kind that can't be read here (a {found.words})")
    more = found.samples - colours
    # An unspecified fourth sample of RGB is shown as alpha by all viewers; more samples aren't supported.
    extra = found.extra[-more:] if more and found.extra else (UNASSOCIATED,) if more == 1 else ()
    if len(extra) != more or (more > 1 and not {ASSOCIATED, UNASSOCIATED} & set(extra)):
        raise ImageError(f"of a kind that can't be read here (a {found.words}: not all of them are colours)")
    if found.format == UNSIGNED and found.bits not in (*range(1, 17), 32, 64):
        raise ImageError(f"of a kind that can't be read here (a {found.words})")
    if science():
        values = _by_tifffile(data, found)
    elif _simple(found, extra):
        values = _by_opencv(data, found)
    else:
        raise ImageError(f"a {found.words}: {EXTRA}")
    return _raw(values, found, colours, extra)


def _raw(values: np.ndarray, found: Layout, colours: int, extra: tuple[int, ...]) -> Raw:
    notes = []
    place = next((i for i, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)), None)
    left = len(extra) - (place is not None)
    if left:
        notes.append(f"{left} more channel{'s' if left > 1 else ''} left out")
    alpha = None if place is None else values[..., colours + place]
    values = values[..., :colours]
    peak = (1 << found.bits) - 1 if found.format == UNSIGNED and found.bits <= 16 else None
    top = float(peak or (1 if found.format == FLOAT else np.iinfo(values.dtype).max))
    if values.dtype in (np.float16, np.float64):
        values = values.astype(np.float32)
    if alpha is not None and extra[place or 0] == ASSOCIATED:
        values = _divided(values, alpha, top)
    inverted = found.photometric == WHITE_IS_ZERO
    if inverted and peak:
        values = (peak - values.astype(np.int32)).astype(values.dtype)
    if found.photometric == CIELAB:
        if found.bits not in (8, 16) or found.format != UNSIGNED:
            raise ImageError(f"of a kind that can't be read here (a {found.words})")
        values, notes = lab.to_srgb(values, found.bits), [*notes, "LAB converted to RGB"]
    if found.photometric == CMYK:
        values, notes = _inks(values, top), [*notes, "CMYK converted to RGB"]
    if found.tags.profile() and found.photometric != CIELAB:
        notes.append(f"its colour profile is left out: {found.bits}-bit numbers are taken as sRGB")
    if 8 < found.bits < 16:
        notes.append(f"{found.bits} bits become 16")
    if peak and found.bits not in (8, 16):
        values, alpha = (None if part is None else _spread(part, peak, found.bits) for part in (values, alpha))  # type: ignore[assignment]
        peak = 255 if found.bits < 8 else 65535
    return Raw(values, alpha, peak, peak or top, inverted and not peak, notes=notes)


def _simple(found: Layout, extra: tuple[int, ...]) -> bool:
    """Whether OpenCV is known to read it correctly."""
    kinds = {(16, UNSIGNED), (32, FLOAT)}
    samples = {BLACK_IS_ZERO: (1,), RGB: (3, 4)}.get(found.photometric, ())
    plain_alpha = extra in ((), (UNASSOCIATED,))
    fits = (found.bits, found.format) in kinds and found.samples in samples and plain_alpha
    return fits and not found.planar and not found.tags.big and found.compression in OPENCV


def _by_opencv(data: bytes, found: Layout) -> np.ndarray:
    values = imdecode(data)
    kind = np.uint16 if found.bits == 16 else np.float32
    if values is None or values.dtype != kind or values.shape[:2] != (found.height, found.width):
        raise ImageError("damaged")
    values = values.reshape(found.height, found.width, -1)
    if values.shape[2] != found.samples:
        raise ImageError(f"a {found.words}: {EXTRA}")
    return values[..., [2, 1, 0, *range(3, found.samples)]] if found.samples > 1 else values


def _by_tifffile(data: bytes, found: Layout) -> np.ndarray:
    """(H, W, samples) of the file's own type. Decoded part by part, so that it stops at the first damaged one."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        if (page.imagewidth, page.imagelength, page.samplesperpixel) != (found.width, found.height, found.samples):
            raise ImageError("damaged at its beginning")
        if page.dtype is None or page.imagedepth != 1:
            raise ImageError(f"of a kind that can't be read here (a {found.words})")
        values = np.empty((found.height, found.width, found.samples), page.dtype.newbyteorder("="))
        tables = {"jpegtables": page.jpegtables} if page.compression in (6, 7, 34892, 33007) else {}
        done = 0
        for index, (offset, count) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            part, (plane, _, top, left, _), _ = page.decode(data[offset : offset + count], index, **tables)
            if part is None:
                raise ImageError("damaged (parts of it are missing)")
            part = part[0][: found.height - top, : found.width - left]
            target = (slice(top, top + part.shape[0]), slice(left, left + part.shape[1]))
            values[(*target, slice(plane, plane + 1) if found.planar else slice(None))] = part
            done += part.shape[0] * part.shape[1] * part.shape[2]
        if done != values.size:
            raise ImageError("damaged (parts of it are missing)")
    return values


def _divided(values: np.ndarray, alpha: np.ndarray, top: float) -> np.ndarray:
    """Associated (premultiplied) colours divided by alpha; 0 where alpha is 0."""
    result = np.zeros(values.shape, values.dtype)
    for part in blocks(values.shape):
        share = alpha[part][..., None].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            true = np.where(share > 0, values[part] * (top / share), 0)
        result[part] = true if values.dtype.kind == "f" else np.rint(np.minimum(true, top))
    return result


def _inks(values: np.ndarray, top: float) -> np.ndarray:
    """CMYK as Pillow converts it: (1 - ink) * (1 - black)."""
    result = np.empty((*values.shape[:2], 3), values.dtype)
    for part in blocks(values.shape):
        light = (top - values[part, :, :3].astype(np.float64)) * (top - values[part, :, 3:]) / top
        result[part] = light if values.dtype.kind == "f" else np.rint(light)
    return result


def _spread(values: np.ndarray, peak: int, bits: int) -> np.ndarray:
    """Levels of an unusual depth, scaled to 8 or 16 bits."""
    kind = np.uint8 if bits < 8 else np.uint16
    wide = values.astype(np.uint32) * np.iinfo(kind).max
    return ((wide + peak // 2) // peak).astype(kind)
