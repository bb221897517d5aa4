"""Writes pictures of 8 bits with Pillow."""

import io
import zlib

from PIL import Image

from translate.image.carried import DENSITY, KEEPS_EXIF


def save(
    image: Image.Image,
    suffix: str,
    kind: str,
    quality: int,
    exif: bytes,
    dpi: tuple[float, float] | None,
    notes: list[str],
) -> bytes:
    """The bytes of a file. notes: losses of this format are appended. See picture.encode."""
    options: dict = {"exif": exif} if exif and kind in KEEPS_EXIF else {}
    if dpi and kind in DENSITY:
        options["dpi"] = dpi
    if kind == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
    elif kind in ("WEBP", "AVIF"):
        lossless = {"lossless": True, "exact": True} if kind == "WEBP" and quality == 100 else {}
        options |= {"quality": quality, **lossless}
    elif kind == "PNG":
        # 0.3 to 0.6 of the default's time, with files up to a seventh larger; also quicker than level 3.
        options |= {"compress_level": 1, "compress_type": zlib.Z_RLE}
    elif kind == "GIF":
        notes.append("GIF holds 256 colours")
    elif suffix == ".pbm":
        notes.append("PBM holds black and white only: written as a PGM or PPM under its name")
    elif suffix == ".apng":
        notes.append("one frame")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
