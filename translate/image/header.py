"""What the first bytes of an image file say about it: nothing is decoded."""

import functools
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageCms

from translate.image import pillow, sniff, tiff_tags
from translate.image.decode import FORMATS, ORIENTATION
from translate.image.source import ImageError, contents, missing, reason, refuse_special

HEAD = 1 << 16  # bytes; where a header is longer, the whole file is read
GREY = ("1", "L", "LA", "La", "I", "F")


class Header(NamedTuple):
    """kind: as `sniff.kind`. height, width: upright. bits: of a channel. alpha: whether parts may be transparent.
    profile: the name of its colour profile, "" for none, "unnamed" for one without."""

    kind: str
    height: int
    width: int
    bits: int
    alpha: bool
    grey: bool
    profile: str


def read(path: Path) -> Header:
    """Raises only ImageError, for what is no image file by its header."""
    try:
        refuse_special(path.stat().st_mode)  # before opening: a pipe would block
        with open(path, "rb") as file:
            head = file.read(HEAD)
        if len(head) == HEAD:
            try:
                return _parse(head)
            except Exception:
                head = contents(path)  # such as a TIFF, whose directory may be at its end
        elif not head:
            raise ImageError("empty (0 bytes)")
        return _parse(head)
    except ImageError:
        raise
    except FileNotFoundError:
        raise missing(path) from None
    except Exception as error:
        raise ImageError(reason(error)) from error


def _parse(data: bytes) -> Header:
    kind = sniff.kind(data)
    if kind == "TIFF":
        return _tiff(data)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if pillow.exif_of(image).get(ORIENTATION, 1) in (5, 6, 7, 8):
            width, height = height, width
        transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
        grey = image.mode.split(";")[0] in GREY
        profile = image.info.get("icc_profile")
        return Header(kind, height, width, _bits(data, kind, image), transparent, grey, _name(profile))


def _bits(data: bytes, kind: str, image: Image.Image) -> int:
    if kind == "PNG":
        return max(8, data[24])
    return 32 if image.mode == "F" else 16 if image.mode.startswith("I") else 8


def _tiff(data: bytes) -> Header:
    tags = tiff_tags.Tags(data)
    height, width = tags.number(tiff_tags.HEIGHT), tags.number(tiff_tags.WIDTH)
    if not height or not width:
        raise ImageError("damaged at its beginning")
    if tags.number(tiff_tags.ORIENTATION, 1) in (5, 6, 7, 8):
        height, width = width, height
    alpha = any(kind in (1, 2) for kind in tags.numbers(tiff_tags.EXTRA))
    entry = tags.tags.get(tiff_tags.PROFILE)
    profile = entry.values[0] if entry and entry.values and isinstance(entry.values[0], bytes) else None
    grey = tags.number(tiff_tags.PHOTOMETRIC, 1) in (0, 1)
    return Header("TIFF", height, width, tags.number(tiff_tags.BITS, 1), alpha, grey, _name(profile))


@functools.lru_cache(64)
def _name(profile: bytes | None) -> str:
    if not profile:
        return ""
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.getProfileDescription(found).strip() or "unnamed"
    except Exception:
        return "damaged"
