"""Metadata of an image file: adapted to a new size and another file format, with notes on what is lost."""

import struct
from typing import Any

import numpy as np
from PIL import Image

from translate.image.source import ImageError
from translate.image.tiff_tags import Entry

DENSITY = {"JPEG", "PNG", "TIFF", "BMP", "DIB"}  # formats that hold pixels per inch
UNKNOWN = (72.0, 72.0)  # written by programs for an unknown density
KEEPS_EXIF = {"JPEG", "PNG", "WEBP", "AVIF"}
EXIF_BLOCK, EXIF_WIDTH, EXIF_HEIGHT, WIDTH, HEIGHT = 0x8769, 0xA002, 0xA003, 0x0100, 0x0101
SCALE, TIE_POINTS, TRANSFORMATION, KEYS = 33550, 33922, 34264, 34735


def for_size(carried: dict[str, Any], size: tuple[int, int]) -> tuple[dict[str, Any], list[str]]:
    """(metadata for a picture of (height, width), notes). Its position and extent on paper or Earth stay the same."""
    before = carried.get("size", size)
    if before == size:
        return carried, []
    result = {**carried, "size": size}
    down, across = size[0] / before[0], size[1] / before[1]
    if (dpi := carried.get("dpi")) and dpi != UNKNOWN:
        result["dpi"] = dpi[0] * across, dpi[1] * down
    if geo := carried.get("geo"):
        centre = 0.5 if _of_centres(geo.get(KEYS)) else 0.0
        result["geo"] = {tag: _placed(tag, entry, across, down, centre) for tag, entry in geo.items()}
    return result, ["its georeference was scaled to the new size"] if geo else []


def _of_centres(keys: Entry | None) -> bool:
    """Whether a GeoTIFF's places are those of the centres of pixels instead of their corners (key 1025 is 2)."""
    values = keys.values if keys else ()
    return any(values[at : at + 4] == (1025, 0, 1, 2) for at in range(4, len(values), 4))


def _placed(tag: int, entry: Entry, across: float, down: float, centre: float) -> Entry:
    """A GeoTIFF tag after resizing by factors of the width and the height. centre: of a pixel, from its place."""
    values = entry.values
    if tag == SCALE and len(values) >= 2:
        return Entry(entry.kind, (values[0] / across, values[1] / down, *values[2:]))
    if tag == TIE_POINTS and len(values) % 6 == 0:
        factors, shifts = (across, down, 1, 1, 1, 1), (centre, centre, 0, 0, 0, 0)
        scaled = ((v + shifts[i % 6]) * factors[i % 6] - shifts[i % 6] for i, v in enumerate(values))
        return Entry(entry.kind, tuple(scaled))
    if tag == TRANSFORMATION and len(values) == 16:
        rows = np.array(values, float).reshape(4, 4)
        rows[:, 3] += rows[:, 0] * centre * (1 / across - 1) + rows[:, 1] * centre * (1 / down - 1)
        rows[:, 0] /= across
        rows[:, 1] /= down
        return Entry(entry.kind, tuple(rows.ravel().tolist()))
    return entry


def losses(carried: dict[str, Any], exif: bytes, kind: str) -> list[str]:
    """Notes on metadata that a file of this format can't hold."""
    notes = []
    if "dpi" in carried and kind not in DENSITY:
        notes.append(f"pixel density left out: {kind} holds none")
    if "geo" in carried and kind != "TIFF":
        notes.append(f"georeference left out: {kind} holds none")
    if exif and kind not in KEEPS_EXIF:
        notes.append(f"EXIF left out: {kind} files of ours hold none")
    return notes


def exif_of(exif: bytes, size: tuple[int, int]) -> bytes:
    """The EXIF block with its size fields, if any, set to (height, width)."""
    block = Image.Exif()
    try:
        block.load(exif)
        inner = block.get_ifd(EXIF_BLOCK)
        for fields, across, down in ((inner, EXIF_WIDTH, EXIF_HEIGHT), (block, WIDTH, HEIGHT)):
            for tag, number in ((across, size[1]), (down, size[0])):
                if tag in fields:
                    fields[tag] = number
        return block.tobytes()
    except (ImageError, Exception):
        return exif


def png_chunks(carried: dict[str, Any], exif: bytes) -> list[tuple[bytes, bytes]]:
    """A PNG's metadata chunks: pixels per metre and EXIF."""
    found = []
    if dpi := carried.get("dpi"):
        found.append((b"pHYs", struct.pack(">IIB", *(round(density / 0.0254) for density in dpi), 1)))
    if exif:
        found.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    return found
