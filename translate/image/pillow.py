"""Converts a decoded Pillow image of any mode to Raw, with its metadata."""

import numpy as np
from PIL import Image

from translate.image import png
from translate.image.colour import to_srgb
from translate.image.raw import Raw, blocks

OLD_EXIF = "Raw profile type exif"  # key of a PNG text chunk
DEEP = ("I", "F")  # prefixes of modes with more than 8 bits


def frames(image: Image.Image) -> list[str]:
    try:
        frames = getattr(image, "n_frames", 1)
    except Exception:
        return ["the first of several frames"]  # a later frame is damaged
    return [f"the first of {frames} frames"] if frames > 1 else []


def exif_of(image: Image.Image) -> Image.Exif:
    """The image's EXIF block, without XMP, because other programs don't rotate pictures by it."""
    exif = Image.Exif()
    try:
        if isinstance(image.info.get("exif"), bytes):
            exif.load(image.info["exif"])
        elif not {"exif", "xmp"} & image.info.keys() and (image.format != "PNG" or OLD_EXIF in image.info):
            exif = image.getexif()  # also a TIFF's tags, a PNG's old text form, and values set by the caller
    except Exception:
        return Image.Exif()  # a damaged block is ignored
    return exif


def density(image: Image.Image) -> dict[str, tuple[float, float]]:
    """Horizontal and vertical pixels per inch, as in Raw.carried."""
    dpi = image.info.get("dpi")
    try:
        return {"dpi": (float(dpi[0]), float(dpi[1]))} if dpi and dpi[0] > 0 and dpi[1] > 0 else {}
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return {}


def of_loaded(image: Image.Image, header: png.Header | None = None) -> Raw:
    """Raw from a decoded Pillow image. header: for a PNG of at most 8 bits, because Pillow would compare its
    transparent colour with values already scaled to 8 bits."""
    if image.mode.startswith(DEEP):
        return _deep(image)
    mode, alpha_mode = _modes(image, header)
    conversion = to_srgb(image, mode)
    channels = 1 if mode == "L" else 3
    colours = np.empty((image.height, image.width, channels), np.uint8)
    alpha = np.empty((image.height, image.width), np.uint8) if alpha_mode else None
    for rows in blocks(colours.shape):
        part = image.crop((0, rows.start, image.width, min(rows.stop, image.height)))
        if alpha_mode:
            part = _with_alpha(part, alpha_mode)
            alpha[rows] = np.asarray(part.getchannel("A"))  # type: ignore[index]
        part = part if part.mode == mode else part.convert(mode)
        colours[rows] = np.asarray(conversion.convert(part)).reshape(-1, image.width, channels)
    if header and header.transparent and header.colour in (0, 2):
        stored = colours if not conversion.notes else np.asarray(image.convert(mode)).reshape(colours.shape)
        alpha = png.transparency(header, stored)
    elif alpha is None and not header:
        alpha = _key(image, colours)
    return Raw(colours, alpha, notes=conversion.notes)


def _modes(image: Image.Image, header: png.Header | None) -> tuple[str, str]:
    """(the mode of the image's colours, the mode with its alpha or '')."""
    if image.mode in ("1", "L", "LA", "La"):
        return "L", "LA" if image.mode in ("LA", "La") else ""
    if image.mode in ("P", "PA"):
        return "RGB", "RGBA" if image.mode == "PA" or image.has_transparency_data else ""
    if image.mode in ("RGBA", "RGBa"):
        return "RGB", "RGBA"
    return (image.mode if image.mode in ("CMYK", "LAB", "YCbCr", "HSV") else "RGB"), ""


def _with_alpha(part: Image.Image, mode: str) -> Image.Image:
    if part.mode == "PA" and mode == "RGBA":
        return part.convert("RGBA")
    return part if part.mode == mode else part.convert(mode)


def _key(image: Image.Image, colours: np.ndarray) -> np.ndarray | None:
    """Alpha from the single transparent colour that a Pillow image in memory may have."""
    key = image.info.get("transparency")
    if image.mode not in ("1", "L", "RGB") or key is None or isinstance(key, bytes):
        return None
    clear = (colours == np.asarray(key, np.int64).reshape(-1)[: colours.shape[2]]).all(axis=2)
    return np.where(clear, 0, 255).astype(np.uint8)


def _deep(image: Image.Image) -> Raw:
    values = np.asarray(image)[..., None]
    if image.mode.startswith("I;16"):
        values = values.astype(np.uint16)
        key = image.info.get("transparency")
        alpha = np.where(values[..., 0] == key, 0, 65535).astype(np.uint16) if isinstance(key, int) else None
        return Raw(values, alpha, 65535, 65535)
    return Raw(values, peak=None)
