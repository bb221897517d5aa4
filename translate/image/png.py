"""PNG: chunks checked before anything is decoded, transparent colours of every depth, 16 bits through OpenCV.

Chunks and filters: W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", https://www.w3.org/TR/png-3/.
"""

import struct
import zlib
from typing import NamedTuple

import numpy as np

from translate.image.opencv import imdecode
from translate.image.raw import Raw
from translate.image.source import ImageError, refuse_large

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # channels of each colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
DENSE = 100  # above this number of pixels per compressed byte, the data's length is checked before decoding
PIECE = 1 << 16


class Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool
    transparent: bytes  # the tRNS chunk
    profile: bool
    exif: bytes
    data: list[memoryview]  # the IDAT chunks

    @property
    def samples(self) -> int:
        return SAMPLES[self.colour]

    @property
    def bytes(self) -> int:
        """The length of the uncompressed data in bytes, with filter bytes."""
        passes = ADAM7 if self.interlaced else ((0, 1, 0, 1),)
        total = 0
        for x, across, y, down in passes:
            columns, rows = -(-(self.width - x) // across), -(-(self.height - y) // down)
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * self.samples * self.depth + 7) // 8)
        return total


def header(data: bytes, max_pixels: int) -> Header:
    """The contents of the chunks. ImageError if they are inconsistent or damaged, or declare too many pixels."""
    view, place = memoryview(data), 8
    fields: tuple[int, ...] = ()
    transparent, profile, exif, parts, ended = b"", False, b"", [], False
    if not data.startswith(SIGNATURE):
        raise ImageError("damaged at its beginning")
    while place + 12 <= len(data) and not ended:
        length, name = struct.unpack_from(">I4s", data, place)
        content = view[place + 8 : place + 8 + length]
        if place + 12 + length > len(data):
            if name == b"IDAT":
                parts.append(content)
            break
        if not fields and name != b"IHDR":
            raise ImageError("damaged at its beginning")
        critical = not name[0] & 0x20
        crc = zlib.crc32(content, zlib.crc32(name))
        if (critical or name == b"tRNS") and crc != int.from_bytes(
            view[place + 8 + length : place + 12 + length], "big"
        ):
            raise ImageError(f"damaged (checksum of its {name.decode('latin-1', 'replace')!a} part)")
        if name == b"IHDR":
            if fields or length != 13:
                raise ImageError("damaged at its beginning")
            fields = struct.unpack(">IIBBBBB", content)
            _refuse_odd(fields, max_pixels)
        elif name == b"tRNS":
            transparent = bytes(content)
        elif name == b"iCCP":
            profile = True
        elif name == b"eXIf":
            exif = b"Exif\0\0" + content
        elif name == b"IDAT":
            parts.append(content)
        elif name == b"IEND":
            ended = True
        place += 12 + length
    if not fields:
        raise ImageError("damaged at its beginning")
    width, height, depth, colour, _, _, interlaced = fields
    found = Header(width, height, depth, colour, bool(interlaced), transparent, profile, exif, parts)
    packed = sum(map(len, parts))
    if not ended and not packed:
        raise ImageError("truncated")
    if depth == 16 or width * height > DENSE * max(packed, 1):
        _refuse_short(found)
    return found


def _refuse_odd(fields: tuple[int, ...], max_pixels: int) -> None:
    width, height, depth, colour, compression, filtering, interlaced = fields
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlaced > 1:
        raise ImageError("damaged at its beginning")
    refuse_large(width, height, max_pixels)


def _refuse_short(found: Header) -> None:
    """ImageError if the compressed data is too short for the picture; the data is not kept in memory."""
    missing, stream = found.bytes, zlib.decompressobj()
    try:
        for part in (data[at : at + PIECE] for data in found.data for at in range(0, len(data), PIECE)):
            waiting: bytes | memoryview = part
            while waiting and missing > 0:
                missing -= len(stream.decompress(waiting, PIECE))
                waiting = stream.unconsumed_tail
        while missing > 0 and (rest := stream.decompress(b"", PIECE)):
            missing -= len(rest)
    except zlib.error as error:
        raise ImageError("damaged (its compressed data)") from error
    if missing > 0:
        raise ImageError("truncated")


def transparency(found: Header, values: np.ndarray) -> np.ndarray | None:
    """Alpha (H, W) of 0 and the largest level, from the single transparent value of a grey or RGB picture.

    values: (H, W, C) as decoded, with depths below 8 scaled to 0 to 255.
    """
    if found.colour not in (0, 2) or len(found.transparent) < 2 * found.samples:
        return None
    key = np.frombuffer(found.transparent[: 2 * found.samples], ">u2").astype(np.int64)
    key &= (1 << found.depth) - 1
    if found.depth < 8:
        key *= 255 // ((1 << found.depth) - 1)
    clear = (values[..., 0] == key[0]).copy()
    for channel in range(1, found.samples):
        clear &= values[..., channel] == key[channel]
    peak = np.iinfo(values.dtype).max
    return np.where(clear, 0, peak).astype(values.dtype)


def decode_high_bit(found: Header) -> Raw:
    """Decodes a PNG of 16 bits. OpenCV gets only the pixel chunks, so that animation and gamma have no effect."""
    fields = (found.width, found.height, found.depth, found.colour, 0, 0, int(found.interlaced))
    clean = b"".join([SIGNATURE, chunk(b"IHDR", struct.pack(">IIBBBBB", *fields)),
                      chunk(b"IDAT", b"".join(found.data)), chunk(b"IEND", b"")])  # fmt: skip
    values = imdecode(clean)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != (found.height, found.width):
        raise ImageError("damaged")
    values = values.reshape(found.height, found.width, -1)
    alpha = values[..., -1] if values.shape[2] == 4 and found.colour in (4, 6) else None
    values = values[..., :1] if found.colour in (0, 4) else values[..., 2::-1]  # OpenCV has blue first
    if alpha is None:
        alpha = transparency(found, values)
    notes = ["its colour profile is left out: 16-bit numbers are taken as sRGB"] if found.profile else []
    return Raw(values, alpha, 65535, 65535, notes=notes)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(name)))


def encode_high_bit(values: np.ndarray, extra: list[tuple[bytes, bytes]]) -> bytes:
    """uint16 (H, W, 1 to 4) as a PNG: grey, grey with alpha, RGB or RGBA. extra: chunks before the data, by name."""
    height, width, channels = values.shape
    colour = {count: kind for kind, count in SAMPLES.items() if kind != 3}[channels]
    rows = np.ascontiguousarray(values, ">u2").view(np.uint8).reshape(height, -1)
    up = np.zeros((height, rows.shape[1] + 1), np.uint8)
    up[:, 0] = 2  # filter "up": each row minus the one above
    up[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=up[1:, 1:])
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    packed = packer.compress(up.data) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    middle = [chunk(name, content) for name, content in extra]
    return b"".join([SIGNATURE, chunk(b"IHDR", head), *middle, chunk(b"IDAT", packed), chunk(b"IEND", b"")])
