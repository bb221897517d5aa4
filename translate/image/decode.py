"""Decodes any image file or Pillow image to Raw: upright, in RGB or grey, with separate alpha, without rounding."""

import io
import warnings

import numpy as np
from PIL import Image

from translate.image import jpeg, netpbm, pillow, png, sniff, tiff, tiff_layout, tiff_tags
from translate.image.raw import Raw
from translate.image.source import MAX_PIXELS, ImageError, reason, refuse_large
from translate.system.output import quiet

# Pillow's warnings about unusual files: errors are raised as ImageError, and the pixel limit is our own.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
Image.init()  # registers all formats; Pillow would do it at the first unknown file, which is not thread-safe
# An allowlist, because Pillow would pass an EPS file to Ghostscript. Decided by content, not by suffix.
PILLOW = {
    "PNG": ["PNG"], "JPEG": ["JPEG"], "TIFF": ["TIFF"], "PNM": ["PPM"], "GIF": ["GIF"], "WEBP": ["WEBP"],
    "BMP": ["BMP", "DIB"], "AVIF": ["AVIF"], "TGA": ["TGA"],
}  # fmt: skip
FORMATS = [name for names in PILLOW.values() for name in names if name in Image.OPEN]
ORIENTATION = 0x0112
DENSE = {"BMP": 300, "TGA": 130}  # most pixels per byte, for formats whose decoders don't check it


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> Raw:
    """The image in a file's bytes. Raises only ImageError."""
    try:
        return _decode(data, max_pixels)
    except ImageError:
        raise
    # Decoders raise SyntaxError, ValueError, struct.error, RuntimeError, ... on damaged files, not only OSError.
    except Exception as error:
        raise ImageError(reason(error)) from error


def pixels(data: bytes) -> int:
    """The number of pixels that a file's header declares; 0 if it can't be read, which `decode` reports."""
    try:
        if data.startswith(sniff.TIFF_MAGIC):
            tags = tiff_tags.Tags(data)
            return tags.number(tiff_tags.WIDTH) * tags.number(tiff_tags.HEIGHT)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.width * image.height
    except Exception:
        return 0


def may_take_range(head: bytes) -> bool:
    """Whether a file with these first bytes may be one that `takes_range`."""
    return head.startswith((b"\x89PNG", b"P2", b"P3", b"P5", b"P6", b"PF", b"Pf", *sniff.TIFF_MAGIC))


def takes_range(data: bytes) -> bool:
    """Whether, by its header, a file may hold values whose range its format doesn't define. See Raw.takes_range."""
    if data.startswith(b"\x89PNG"):
        return data[24:25] == b"\x10"
    if data[:2] in (b"P2", b"P3", b"P5", b"P6"):
        return b"65535" in data[:4096]
    if data[:2] in (b"PF", b"Pf"):
        return True
    if data.startswith(sniff.TIFF_MAGIC):
        tags = tiff_tags.Tags(data)
        bits = tags.number(tiff_tags.BITS, 1)
        return bits >= 16 or tags.number(tiff_tags.FORMAT, tiff_layout.UNSIGNED) != tiff_layout.UNSIGNED
    return False


def of_pil(image: Image.Image, max_pixels: int = MAX_PIXELS) -> Raw:
    """Raw from a Pillow image of any mode. Raises only ImageError."""
    try:
        refuse_large(*image.size, max_pixels)
        notes = pillow.frames(image)
        image.load()  # before EXIF is read: load() rotates a TIFF, and in a PNG EXIF may follow the pixels
        return _finished(pillow.of_loaded(image), pillow.exif_of(image), notes, pillow.density(image))
    except ImageError:
        raise
    except Exception as error:
        raise ImageError(reason(error)) from error


def _decode(data: bytes, max_pixels: int) -> Raw:
    kind = sniff.kind(data)
    if kind == "TIFF":
        return _tiff(data, max_pixels)
    if kind == "PNM" and data[1:2] in b"2356":
        return netpbm.decode(data, max_pixels)
    header = png.header(data, max_pixels) if kind == "PNG" else None
    try:
        image = Image.open(io.BytesIO(data), formats=[name for name in PILLOW[kind] if name in FORMATS])
    except Exception:
        if kind == "JPEG":
            jpeg.refuse_twelve_bits(data)
        raise
    with image:
        refuse_large(*image.size, max_pixels)
        if image.width * image.height > DENSE.get(kind, max_pixels) * len(data):
            raise ImageError("truncated")
        notes = pillow.frames(image)
        if header and header.depth == 16:
            raw = png.decode_high_bit(header)
            if header.exif:
                image.info["exif"] = header.exif
        elif kind == "JPEG":
            jpeg.refuse_empty(data, image)
            raw = pillow.of_loaded(jpeg.decoded(data, image))
        else:
            image.load()
            raw = pillow.of_loaded(image, header)
        return _finished(raw, pillow.exif_of(image), notes, pillow.density(image))


def _tiff(data: bytes, max_pixels: int) -> Raw:
    found = tiff_layout.layout(data, max_pixels)
    tags = found.tags
    notes = [f"the first of {tags.pages} frames"] if tags.pages > 1 else []
    exif = Image.Exif()
    if turned := tags.number(tiff_tags.ORIENTATION, 1):
        exif[ORIENTATION] = turned
    if tiff_layout.plain(found):
        with quiet(), Image.open(io.BytesIO(data), formats=PILLOW["TIFF"]) as image:
            refuse_large(*image.size, max_pixels)
            image.info.pop("xmp", None)  # other programs don't rotate pictures by it
            image.load()
            exif[ORIENTATION] = image.getexif().get(ORIENTATION, 1)  # Pillow has already rotated a TIFF
            raw = pillow.of_loaded(image)
    else:
        raw = tiff.decode(data, found)
    if sorted(raw.colours.shape[:2]) != sorted((found.height, found.width)):
        raise ImageError("damaged")
    return _finished(raw, exif, notes, tags.carried())


def _finished(raw: Raw, exif: Image.Exif, notes: list[str], carried: dict) -> Raw:
    """The image rotated upright, with the file's metadata."""
    turned = exif.get(ORIENTATION, 1)
    raw.colours = np.ascontiguousarray(turn(raw.colours, turned))
    raw.alpha = None if raw.alpha is None else np.ascontiguousarray(turn(raw.alpha, turned))
    if turned in (5, 6, 7, 8) and "dpi" in carried:
        carried["dpi"] = carried["dpi"][::-1]
    if turned in range(2, 9):
        carried.pop("geo", None)
    raw.notes = [*notes, *raw.notes]
    raw.carried = carried
    if turned in range(1, 9):
        exif.pop(ORIENTATION, None)
    try:
        raw.exif = exif.tobytes() if exif else b""
    except Exception:
        raw.notes.append("its EXIF data is damaged: left out")
    return raw


def turn(array: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, …) rotated upright, for EXIF orientations 1 to 8."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    vertical = orientation in (3, 4, 7, 8)
    horizontal = orientation in (2, 3, 6, 7)
    return array[:: -1 if vertical else 1, :: -1 if horizontal else 1]
