"""PNG, JPEG, WebP, AVIF, BMP, GIF, TGA, PNM and PFM: 1 or 3 channels of the numbers that the file holds.

Transparency and metadata are carried and written again.
"""

from pathlib import Path

import numpy as np

from translate.image import decode, picture
from translate.image import header as headers
from translate.image.picture import Picture
from translate.image.source import KINDS, ImageError, contents
from translate.values.array import Header, Values
from translate.values.formats import FORMATS, Format, only
from translate.values.numbers import kept, refuse_size

OTHERS = Format("", ("uint8",), (1, 3), "")  # JPEG, AVIF, GIF, which round
LOSSLESS = {"PNG", "PPM", "BMP", "DIB", "TGA", "WEBP"}


def header(path: Path) -> Header:
    data = contents(path)
    if data[:2] in (b"PF", b"Pf") or data[:2] in (b"P2", b"P3", b"P5", b"P6"):
        array = decode.decode(data).colours  # Netpbm's numbers are as long as the file: decoding is copying
        return Header(array.shape[0], array.shape[1], array.shape[2], array.dtype.name)
    found = headers.read(path)
    refuse_size(found.height, found.width, 1, None)
    return Header(found.height, found.width, 1 if found.grey else 3, "uint16" if found.bits == 16 else "uint8")


def read(path: Path, slice: int, max_pixels: int) -> Values:
    if slice:
        raise ImageError(f"has no slice {slice}: only the first picture is read")
    raw = decode.decode(contents(path), max_pixels)
    notes = [note for note in raw.notes if not note.startswith("values of 0 to")]  # these stay as they are here
    carried = {
        "raw": raw.carried, "exif": raw.exif, "alpha": raw.alpha, "alpha_peak": raw.alpha_peak, "peak": raw.peak,
        "size": raw.colours.shape[:2],
    }  # fmt: skip
    return Values(kept(raw.colours, notes), kind="plain", carried=carried, notes=notes)


def encode(name: str, values: Values, slices: list[np.ndarray] | None) -> bytes:
    """UserError where the format doesn't hold such numbers; JPEG, AVIF and GIF round them."""
    from translate.values.files import suffix_of

    suffix = suffix_of(name)
    form = next((form for form in FORMATS.values() if form.suffix == suffix), OTHERS)
    array = only(name, form, values, slices)
    if suffix == ".pfm":
        return _pfm(array)
    kind, carried = KINDS[suffix], values.carried if values.kind == "plain" else {}
    peak = carried.get("peak")
    if kind == "PPM" and array.dtype == np.uint16 and peak and 255 < peak < 65535 and array.max() <= peak:
        head = f"P{6 if array.shape[2] == 3 else 5} {array.shape[1]} {array.shape[0]} {peak}\n"
        return head.encode() + array.astype(">u2").tobytes()
    found = Picture(array, _alpha(carried, array), carried.get("exif", b""))
    found.carried = {**carried.get("raw", {}), "size": carried.get("size", found.size)}
    quality = 100 if kind in LOSSLESS else 95
    content, notes = picture.encode(found, suffix, quality=quality)
    values.notes.extend(notes)
    if kind not in LOSSLESS:
        values.notes.append(f"{kind} rounds values")
    return content


def _alpha(carried: dict, array: np.ndarray) -> np.ndarray | None:
    """The transparency that was read, for an array of the same size, in the array's type."""
    alpha = carried.get("alpha")
    if alpha is None or alpha.shape != array.shape[:2]:
        return None
    top = np.iinfo(array.dtype).max
    if alpha.dtype == array.dtype and carried["alpha_peak"] == top:
        return alpha
    return np.rint(alpha.astype(np.float64) * (top / carried["alpha_peak"])).astype(array.dtype)


def _pfm(array: np.ndarray) -> bytes:
    """Rows from the bottom to the top; a negative scale means little-endian (Debevec, "PFM")."""
    return f"Pf\n{array.shape[1]} {array.shape[0]}\n-1.0\n".encode() + array[::-1].astype("<f4").tobytes()
