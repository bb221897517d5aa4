"""Lossless pictures: colours in 8, 16 or 32 bits, grey or RGB, with alpha; read from files and written to files.

`rgb8.py` gives the same files to training, always as 8 bits on a background.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from translate.image import carried as metadata
from translate.image import decode, png, rgb8, tiff_write
from translate.image.raw import Range, Raw, levels
from translate.image.save import save
from translate.image.source import KINDS as FORMATS

PEAKS = {"uint8": 255, "uint16": 65535, "float32": 1}  # the largest level of each pixel type
DEEP = {"PNG", "TIFF", "PPM"}  # formats that hold 16 bits; TIFF also holds floats
NO_ALPHA = {"JPEG", "BMP", "DIB", "PPM"}


@dataclass
class Picture:
    """An upright picture in sRGB.

    colours: (H, W, 1 or 3), uint8, uint16, or float32 in [0, 1]; one channel if the file is grayscale.
    alpha: (H, W) of the same type, or None.
    scale: the file's values at the lowest and highest level; None: those of its type.
    carried: the file's metadata, see translate/image/carried.py.
    notes: changes made while decoding, for the report.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    scale: Range | None = None
    notes: list[str] = field(default_factory=list)
    carried: dict[str, Any] = field(default_factory=dict)

    @property
    def grey(self) -> bool:
        return self.colours.shape[2] == 1

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.colours.shape[0], self.colours.shape[1]


def read(path: str | Path, *, max_pixels: int = rgb8.MAX_PIXELS, values: Range | None = None) -> Picture:
    """The image in a file. values: see rgb8.read. Raises only ImageError."""
    return parse(rgb8.contents(path), max_pixels=max_pixels, values=values)


def parse(data: bytes, *, max_pixels: int = rgb8.MAX_PIXELS, values: Range | None = None) -> Picture:
    """The image in a file's bytes. Raises only ImageError."""
    return of_raw(decode.decode(data, max_pixels), values)


def of_pil(image: Image.Image, *, max_pixels: int = rgb8.MAX_PIXELS, values: Range | None = None) -> Picture:
    """The picture of a Pillow image of any mode. ImageError when it is too large or contains NaN."""
    return of_raw(decode.of_pil(image, max_pixels), values)


def of_raw(raw: Raw, values: Range | None) -> Picture:
    found = levels(raw, values)
    carried = {**raw.carried, "size": found.colours.shape[:2]}
    return Picture(found.colours, found.alpha, raw.exif, found.scale, found.notes, carried)


def encode(picture: Picture, suffix: str, *, quality: int = 95, background=rgb8.WHITE) -> tuple[bytes, list[str]]:
    """(the bytes of a file of the format of `suffix`, notes on what the format can't hold).

    quality: 1 to 100 for JPEG, WebP and AVIF; 100 makes WebP lossless. If the format has no alpha, the picture is
    composited on `background`; if it has no 16 bits, levels are rounded to 8.
    """
    kind = FORMATS[suffix.lower()]
    carried, notes = metadata.for_size(picture.carried, picture.size)
    exif = metadata.exif_of(picture.exif, picture.size) if picture.exif else b""
    notes += metadata.losses(carried, exif, kind)
    if picture.alpha is not None and kind in NO_ALPHA:
        picture = replace(picture, colours=flatten(picture, background), alpha=None)
        notes.append(f"{kind} has no transparency: laid on the background")
    deep = picture.colours.dtype != np.uint8
    if deep and not (kind in DEEP and (picture.colours.dtype == np.uint16 or kind == "TIFF")):
        picture = replace(picture, colours=to_bytes(picture.colours), alpha=to_bytes(picture.alpha), scale=None)
        notes.append(f"{kind} holds 8 bits: rounded")
    if kind == "TIFF":
        return tiff_write.encode(_together(_in_values(picture, notes, floats=True)), carried), notes
    if picture.colours.dtype == np.uint16:
        values = _together(_in_values(picture, notes, floats=False))
        if kind == "PNG":
            return png.encode_high_bit(values, metadata.png_chunks(carried, exif)), notes
        head = f"P{6 if values.shape[2] == 3 else 5} {values.shape[1]} {values.shape[0]} 65535\n"
        return head.encode() + values.astype(">u2").tobytes(), notes
    return save(to_pil(picture), suffix.lower(), kind, quality, exif, carried.get("dpi"), notes), notes


def _in_values(picture: Picture, notes: list[str], *, floats: bool) -> Picture:
    """The picture in the file's original values (see scale). floats: whether the output format holds floats."""
    colours, scale = picture.colours, picture.scale
    if scale is None:
        return picture
    low, high = scale
    peak = PEAKS[colours.dtype.name]
    if peak == 65535 and low >= 0 and high <= 65535 and float(low).is_integer() and float(high).is_integer():
        values = np.rint(colours * ((high - low) / peak) + low).astype(np.uint16)
        alpha = picture.alpha
    elif floats and peak != 255:
        values = (colours * ((high - low) / peak) + low).astype(np.float32)
        alpha = None if picture.alpha is None else (picture.alpha / np.float32(peak)).astype(np.float32)
    else:
        notes.append(f"the values {low:g} to {high:g} are written as 0 to {peak}")
        return picture
    return replace(picture, colours=values, alpha=alpha)


def in_values(picture: Picture) -> Picture:
    """The picture in the file's original values, as floats if integers can't hold them."""
    return _in_values(picture, [], floats=True)


def _together(picture: Picture) -> np.ndarray:
    """Colours and alpha as one array, (H, W, 1 to 4)."""
    if picture.alpha is None:
        return picture.colours
    return np.concatenate([picture.colours, picture.alpha[..., None]], axis=2)


def flatten(picture: Picture, background: tuple[int, int, int]) -> np.ndarray:
    """The colours composited on an opaque background, so that colours under full transparency aren't visible."""
    colours, alpha = picture.colours, picture.alpha
    if alpha is None:
        return colours
    ground = np.asarray(background if not picture.grey else [luma(np.array([[background]], np.float32)).item()])
    if colours.dtype == np.float32:
        share = alpha[..., None]
        return colours * share + (ground / 255).astype(np.float32) * (1 - share)
    peak = PEAKS[colours.dtype.name]
    double = np.uint16 if peak == 255 else np.uint32  # the smallest type for peak * peak + peak / 2
    wide, share = colours.astype(double), alpha[..., None].astype(double)
    ground = np.rint(ground * (peak / 255)).astype(double)
    return ((wide * share + ground * (peak - share) + peak // 2) // peak).astype(colours.dtype)


def luma(colours: np.ndarray) -> np.ndarray:
    """RGB (…, 3) → luma (…, 1) of the same type (ITU-R BT.601, as in Pillow)."""
    grey = colours.astype(np.float32) @ np.array([[0.299], [0.587], [0.114]], np.float32)
    return grey if colours.dtype == np.float32 else np.rint(grey).astype(colours.dtype)


def to_bytes(array: np.ndarray | None):
    """uint16 or float32 levels rounded to uint8."""
    return None if array is None else rgb8.to_bytes(array)


def resize(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 1 or 3) of any pixel type, resized to (height, width): bicubic, antialiased when it shrinks."""
    if array.shape[:2] == size or array.dtype == np.uint8:
        return rgb8.resize(array, size)
    peak = PEAKS[array.dtype.name]
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(array, 2, 0)]
    resized = [plane.resize(size[::-1], rgb8.FILTERS["bicubic"]) for plane in planes]
    result = np.clip(np.stack([np.asarray(plane) for plane in resized], axis=2), 0, peak)
    return result if array.dtype == np.float32 else np.rint(result).astype(array.dtype)


def to_pil(picture: Picture) -> Image.Image:
    """The picture as a Pillow image of 8 bits, or of 16 if it is grayscale without alpha."""
    if picture.grey and picture.colours.dtype == np.uint16 and picture.alpha is None:
        return Image.fromarray(_in_values(picture, [], floats=False).colours[..., 0])
    image = rgb8.to_pil(to_bytes(picture.colours))
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(to_bytes(picture.alpha)))
    return image
