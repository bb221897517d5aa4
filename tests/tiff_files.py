"""TIFF files of every layout, made with struct, NumPy and zlib, and what is right to read from them."""

import itertools
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from translate.image import tiff_layout as tiff

HEIGHT, WIDTH = 9, 14
NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773


@dataclass(frozen=True)
class Case:
    """bits: 8, 12, 16 or 32 (floats). extra: None, or what the last sample is: 0 unspecified, 1 associated, 2 not."""

    bits: int
    samples: int
    photometric: int
    planar: bool = False
    extra: int | None = None
    order: str = "<"
    big: bool = False
    compression: int = NONE
    predictor: int = 1
    tiled: bool = False

    def __str__(self) -> str:
        return (
            f"{self.bits}bit-{self.samples}x-photo{self.photometric}-{'planes' if self.planar else 'chunky'}-"
            f"extra{self.extra}-{'II' if self.order == '<' else 'MM'}{'-big' if self.big else ''}-"
            f"c{self.compression}p{self.predictor}{'-tiled' if self.tiled else ''}"
        )

    @property
    def floats(self) -> bool:
        return self.bits == 32

    @property
    def colours(self) -> int:
        return 3 if self.photometric == tiff.RGB else 1


def every_case():
    """{8, 12, 16, 32f} x {1 to 4 samples} x photometric x planar x alpha x byte order x Big x compression."""
    kinds = itertools.product(
        (8, 12, 16, 32), (1, 2, 3, 4), (0, 1, 2), (False, True), (None, 0, 1, 2), "<>", (False, True)
    )
    for bits, samples, photometric, planar, extra, order, big in kinds:
        case = Case(bits, samples, photometric, planar, extra, order, big)
        more = samples - case.colours
        if more < 0 or (extra is not None and more == 0) or (planar and samples == 1):
            continue
        for compression, predictor in ((NONE, 1), (LZW, 1), (DEFLATE, 1), (DEFLATE, 2), (PACKBITS, 1)):
            if predictor == 2 and bits in (12, 32):
                continue
            yield Case(bits, samples, photometric, planar, extra, order, big, compression, predictor)


def stored(case: Case) -> np.ndarray:
    """(H, W, samples) of numbers without any pattern that a mistake could keep."""
    generator = np.random.default_rng(case.bits * 10 + case.samples)
    if case.floats:
        values = generator.random((HEIGHT, WIDTH, case.samples)).astype(np.float32)
    else:
        kind = np.uint8 if case.bits == 8 else np.uint16
        values = generator.integers(0, 1 << case.bits, (HEIGHT, WIDTH, case.samples)).astype(kind)
    if case.extra == tiff.ASSOCIATED:  # no colour is larger than its alpha
        top = 1.0 if case.floats else (1 << case.bits) - 1
        alpha = values[..., -1:].astype(np.float64)
        values[..., :-1] = (values[..., :-1] * (alpha / top)).astype(values.dtype)
    return values


def truth(case: Case) -> tuple[np.ndarray, np.ndarray | None]:
    """(colours, alpha) as float64 in [0, 1], by the specification."""
    top = 1.0 if case.floats else (1 << case.bits) - 1
    values = stored(case) / np.float64(top)
    colours, alpha = values[..., : case.colours], None
    # Of RGB with a fourth sample that nobody named the fourth is alpha; grey's second likewise.
    if case.extra in (1, 2) or (case.extra is None and case.samples == case.colours + 1):
        alpha = values[..., -1]
    if alpha is not None and case.extra == tiff.ASSOCIATED:
        with np.errstate(invalid="ignore", divide="ignore"):
            colours = np.where(alpha[..., None] > 0, np.minimum(colours / alpha[..., None], 1), 0)
    if case.photometric == tiff.WHITE_IS_ZERO:
        colours = 1 - colours
    return colours, alpha


def file(case: Case, values: np.ndarray | None = None, more: tuple = ()) -> bytes:
    """more: further tags (number, type, values)."""
    values = stored(case) if values is None else values
    height, width, samples = values.shape
    rows = 4  # so that there are several strips, the last one short
    planes = [values[..., i : i + 1] for i in range(samples)] if case.planar else [values]
    if case.tiled:
        padded = [np.pad(plane, ((0, -height % 16), (0, -width % 16), (0, 0))) for plane in planes]
        parts = [p[y : y + 16, x : x + 16] for p in padded for y in range(0, height, 16) for x in range(0, width, 16)]
    else:
        parts = [plane[top : top + rows] for plane in planes for top in range(0, height, rows)]
    strips = [_compressed(_bytes(part, case), case) for part in parts]
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [case.bits] * samples), (259, 3, [case.compression]),
            (262, 3, [case.photometric]), (277, 3, [samples]), (284, 3, [2 if case.planar else 1]),
            (317, 3, [case.predictor]), (339, 3, [3 if case.floats else 1] * samples)]  # fmt: skip
    if case.extra is not None:
        tags.append((338, 3, [0] * (samples - case.colours - 1) + [case.extra]))
    if case.tiled:
        tags += [(322, 3, [16]), (323, 3, [16]), (324, 4, []), (325, 4, [len(s) for s in strips])]
    else:
        tags += [(273, 4, []), (278, 4, [rows]), (279, 4, [len(strip) for strip in strips])]
    return _assembled(sorted([*tags, *more]), strips, case)


def _bytes(part: np.ndarray, case: Case) -> bytes:
    if case.predictor == 2:
        different = part.copy()
        different[:, 1:] -= part[:, :-1]
        part = different
    if case.bits == 12:
        rows = part.reshape(part.shape[0], -1)
        bits = (rows[..., None] >> np.arange(11, -1, -1) & 1).astype(np.uint8).reshape(part.shape[0], -1)
        return np.packbits(bits, axis=1).tobytes()
    return part.astype(part.dtype.newbyteorder(case.order)).tobytes()


def _compressed(data: bytes, case: Case) -> bytes:
    if case.compression == DEFLATE:
        return zlib.compress(data)
    if case.compression == LZW:
        return lzw(data)
    if case.compression == PACKBITS:
        pieces = [data[at : at + 128] for at in range(0, len(data), 128)]
        return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)
    return data


def lzw(data: bytes) -> bytes:
    """TIFF's LZW as the specification allows it at its simplest: a clear code often enough that codes stay 9 bits."""
    codes: list[int] = []
    for at, byte in enumerate(data):
        codes += [256, byte] if at % 200 == 0 else [byte]
    codes.append(257)
    bits = "".join(f"{code:09b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def _assembled(tags: list[tuple], strips: list[bytes], case: Case) -> bytes:
    order, word = case.order, "Q" if case.big else "I"
    room, head, count, entry = (8, 16, "Q", 20) if case.big else (4, 8, "H", 12)
    sizes = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 7: "s", 12: "d"}
    places = [head + sum(map(len, strips[:i])) for i in range(len(strips))]
    ifd = head + sum(map(len, strips))
    ifd += ifd % 2
    after = ifd + struct.calcsize(order + count) + entry * len(tags) + room
    body, loose = b"", b""
    for tag, kind, values in tags:
        values = places if tag in (273, 324) else values
        if sizes[kind] == "s":
            data, many = bytes(values), len(values)
        else:
            data = struct.pack(f"{order}{len(values)}{sizes[kind]}", *values)
            many = len(values) // (2 if kind == 5 else 1)
        if len(data) > room:
            place, loose = struct.pack(order + word, after + len(loose)), loose + data
        else:
            place = data.ljust(room, b"\0")
        body += struct.pack(f"{order}HH{word}", tag, kind, many) + place
    magic = b"II" if order == "<" else b"MM"
    start = magic + (struct.pack(order + "HHHQ", 43, 8, 0, ifd) if case.big else struct.pack(order + "HI", 42, ifd))
    data = start + b"".join(strips)
    return data.ljust(ifd, b"\0") + struct.pack(order + count, len(tags)) + body + struct.pack(order + word, 0) + loose
