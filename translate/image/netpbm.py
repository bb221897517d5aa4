"""Netpbm files: PGM and PPM with any largest value, binary or text. PBM and PFM are read by Pillow."""

import re

import numpy as np

from translate.image.raw import Raw
from translate.image.source import ImageError, refuse_large

GAP = rb"(?:\s|#[^\n\r]*[\n\r])+"
HEADER = re.compile(rb"P([2356])" + GAP + rb"(\d+)" + GAP + rb"(\d+)" + GAP + rb"(\d+)(?:#[^\n\r]*[\n\r]|\s)")
SPACE = re.compile(rb"\s")
PIECE = 1 << 20  # bytes of text parsed at once


def decode(data: bytes, max_pixels: int) -> Raw:
    """Raw from the bytes of a PGM or PPM file. Raises only ImageError."""
    found = HEADER.match(data[:4096])
    if found is None or max(map(len, found.groups())) > 9:
        raise ImageError("damaged at its beginning")
    kind, width, height, peak = (int(text) for text in found.groups())
    if not 0 < peak < 65536:
        raise ImageError(f"damaged (its largest value is {peak})")
    refuse_large(width, height, max_pixels)
    channels = 3 if kind in (3, 6) else 1
    count = width * height * channels
    kept = np.dtype(np.uint8 if peak < 256 else np.uint16)
    if kind in (5, 6):
        stored = np.dtype(np.uint8) if peak < 256 else np.dtype(">u2")
        if len(data) - found.end() < count * stored.itemsize:
            raise ImageError("truncated")
        values = np.frombuffer(data, stored, count, found.end()).astype(kept)
    else:
        values = _text(data[found.end() :], count, kept)
    values = values.reshape(height, width, channels)
    if peak not in (255, 65535) and values.max() > peak:
        raise ImageError(f"damaged (values above {peak}, its largest)")
    notes = [f"values of 0 to {peak} become {8 * kept.itemsize} bits"] if peak not in (255, 65535) else []
    return Raw(values, peak=peak, notes=notes)


def _text(text: bytes, count: int, kind: np.dtype) -> np.ndarray:
    """The first `count` numbers of a text, read in pieces, because a list of words takes many times the memory."""
    values, filled, place = np.empty(count, kind), 0, 0
    if len(text) < 2 * count - 1:
        raise ImageError("truncated")
    text = re.sub(rb"#[^\n\r]*", b"", text) if b"#" in text else text
    while filled < count and place < len(text):
        gap = SPACE.search(text, min(place + PIECE, len(text)))
        end = gap.start() if gap else len(text)
        words = text[place:end].split()[: count - filled]
        place = end
        if words and (max(map(len, words)) > 9 or not all(word.isdigit() for word in words)):
            raise ImageError("damaged (not all of its values are numbers)")
        values[filled : filled + len(words)] = np.minimum(np.array(list(map(int, words)), np.int64), np.iinfo(kind).max)
        filled += len(words)
    if filled < count:
        raise ImageError("truncated")
    return values
