"""Writes TIFF of 8, 16 and 32 bits with alpha, density and georeference, which no core dependency writes in full.

Adobe, "TIFF Revision 6.0" (1992). Deflate in strips; integers with the horizontal predictor.
"""

import struct
import zlib
from typing import Any

import numpy as np

from translate.image import tiff_tags
from translate.image.tiff_tags import TYPES, Entry

STRIP = 1 << 18  # bytes of one strip before compression
RESOLUTION = 10_000  # denominator of pixels per inch
SHORT, LONG, RATIONAL = 3, 4, 5


def encode(values: np.ndarray, carried: dict[str, Any]) -> bytes:
    """A TIFF file of (H, W, C), C 1 to 4, uint8, uint16 or float32: grey or RGB, with unassociated alpha if C is even.

    carried: 'dpi' (x, y) and 'geo' {tag: Entry}, see tiff_tags.Tags.carried.
    """
    height, width, channels = values.shape
    rows = max(1, min(height, STRIP // max(1, width * channels * values.itemsize)))
    strips = [_packed(values[top : top + rows]) for top in range(0, height, rows)]
    places, place = [], 8
    for strip in strips:
        places.append(place)
        place += len(strip)
    if place >= 1 << 32:
        raise ValueError("larger than a TIFF file can be (4 GB)")
    entries = {
        tiff_tags.WIDTH: Entry(LONG, (width,)),
        tiff_tags.HEIGHT: Entry(LONG, (height,)),
        tiff_tags.BITS: Entry(SHORT, (8 * values.itemsize,) * channels),
        tiff_tags.COMPRESSION: Entry(SHORT, (8,)),
        tiff_tags.PHOTOMETRIC: Entry(SHORT, (2 if channels > 2 else 1,)),
        tiff_tags.OFFSETS: Entry(LONG, tuple(places)),
        tiff_tags.SAMPLES: Entry(SHORT, (channels,)),
        tiff_tags.ROWS: Entry(LONG, (rows,)),
        tiff_tags.COUNTS: Entry(LONG, tuple(map(len, strips))),
        tiff_tags.PLANAR: Entry(SHORT, (1,)),
        tiff_tags.PREDICTOR: Entry(SHORT, (2 if values.dtype.kind == "u" else 1,)),
        tiff_tags.FORMAT: Entry(SHORT, ({"u": 1, "f": 3}[values.dtype.kind],) * channels),
        **carried.get("geo", {}),
    }
    if channels % 2 == 0:
        entries[tiff_tags.EXTRA] = Entry(SHORT, (2,))
    if dpi := carried.get("dpi"):
        for tag, density in zip((tiff_tags.XDPI, tiff_tags.YDPI), dpi, strict=True):
            entries[tag] = Entry(RATIONAL, (round(density * RESOLUTION), RESOLUTION))
        entries[tiff_tags.UNIT] = Entry(SHORT, (2,))
    padding = b"\0" * (place % 2)
    head = struct.pack("<2sHI", b"II", 42, place + len(padding))
    return b"".join([head, *strips, padding, directory(entries, place + len(padding))])


def _packed(strip: np.ndarray) -> bytes:
    """A strip, compressed after its predictor."""
    if strip.dtype.kind == "u":
        different = strip.copy()
        different[:, 1:] -= strip[:, :-1]
        strip = different
    return zlib.compress(np.ascontiguousarray(strip, strip.dtype.newbyteorder("<")).data, 3)


def directory(entries: dict[int, Entry], place: int, *, big: bool = False, following: int = 0) -> bytes:
    """The directory of a page that lies at `place` in its file, with the values that don't fit into it behind it.

    big: for a BigTIFF. following: the place of the next page's directory, or 0.
    """
    count, offset, room = ("<Q", "<Q", 8) if big else ("<H", "<I", 4)
    loose_at = place + struct.calcsize(count) + (4 + 2 * room) * len(entries) + room
    body, loose = b"", b""
    for tag, entry in sorted(entries.items()):
        form = TYPES[entry.kind]
        if form == "s":
            content, length = bytes(entry.values[0]), len(entry.values[0])
        else:
            content = struct.pack(f"<{len(entry.values)}{form[-1]}", *entry.values)
            length = len(entry.values) // (2 if form.startswith("2") else 1)
        if len(content) > room:
            where = struct.pack(offset, loose_at + len(loose))
            loose += content + b"\0" * (-len(content) % room)
        else:
            where = content.ljust(room, b"\0")
        body += struct.pack("<HH", tag, entry.kind) + struct.pack(offset, length) + where
    return struct.pack(count, len(entries)) + body + struct.pack(offset, following) + loose
