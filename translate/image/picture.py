"""What an image file holds with nothing lost: colours in 8, 16 or 32 bits, alpha, grey or not; and files made of it.

`rgb8.py` reads images for training, always as 8 bits on a background; this reads and writes them for use.
"""

import io
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from translate.image import rgb8
from translate.image.colour import to_srgb
from translate.image.high_bit import decode_high_bit, encode_high_bit, is_high_bit, of_high_bit

FORMATS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".avif": "AVIF", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF", ".gif": "GIF", ".ppm": "PPM", ".pgm": "PPM",
}  # fmt: skip
PEAKS = {"uint8": 255, "uint16": 65535, "float32": 1}  # the largest level of each kind of pixel
DEEP = {"PNG", "TIFF", "PPM"}  # can hold 16 bits; of these TIFF can hold floats
NO_ALPHA = {"JPEG", "BMP", "PPM"}
KEEPS_EXIF = {"JPEG", "PNG", "WEBP", "AVIF"}


@dataclass
class Picture:
    """An upright picture in sRGB.

    colours: (H, W, 1 or 3), uint8, uint16, or float32 in [0, 1]; one channel where the file is grayscale.
    alpha: (H, W) of the same kind, or None. scale: the values that a float file's 0 and 1 stand for.
    notes: what had to be changed to get here, for the report.
    """

    colours: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    scale: tuple[float, float] = (0.0, 1.0)
    notes: list[str] = field(default_factory=list)

    @property
    def grey(self) -> bool:
        return self.colours.shape[2] == 1

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)"""
        return self.colours.shape[0], self.colours.shape[1]


def read(path: str | Path, *, max_pixels: int = rgb8.MAX_PIXELS) -> Picture:
    """The image in a file. Raises ImageError, and nothing else."""
    return parse(rgb8.contents(path), max_pixels=max_pixels)


def parse(data: bytes, *, max_pixels: int = rgb8.MAX_PIXELS) -> Picture:
    """The image in a file's bytes. Raises ImageError, and nothing else."""
    if is_high_bit(data):
        colours, alpha, scale, notes = decode_high_bit(data, max_pixels)
        return Picture(colours, alpha, scale=scale, notes=notes)
    return rgb8.decode(data, lambda image: of_pil(image, max_pixels=max_pixels))


def of_pil(image: Image.Image, *, max_pixels: int = rgb8.MAX_PIXELS) -> Picture:
    """A Pillow image of any mode. ImageError when it is too large, or holds NaN."""
    notes = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"the first of {image.n_frames} frames")  # type: ignore[attr-defined]
    image = rgb8.upright(image, max_pixels)
    exif = image.getexif().tobytes() if image.getexif() else b""
    if image.mode == "F" or image.mode.startswith("I"):
        levels, scale = of_high_bit(np.asarray(image))
        return Picture(levels[..., None], None, exif, scale, notes)
    if name := _profile(image):
        notes.append(f"colour profile “{name}” converted to sRGB")
    if image.mode in ("CMYK", "LAB", "YCbCr", "HSV"):
        notes.append(f"{image.mode} converted to RGB")
    grey = image.mode in ("1", "L", "LA")
    image = to_srgb(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.array(image.getchannel("A"))
    colours = np.array(image.convert("L" if grey else "RGB"))
    return Picture(colours[..., None] if grey else colours, alpha, exif, notes=notes)


def encode(picture: Picture, suffix: str, *, quality: int = 95, background=rgb8.WHITE) -> tuple[bytes, list[str]]:
    """(the bytes of a file of the kind that `suffix` names, notes on what that kind can't hold).

    quality: 1 to 100 for JPEG, WebP and AVIF; 100 makes WebP lossless. Alpha is laid on `background` where the kind
    has none, and 16 bits are rounded to 8.
    """
    kind = FORMATS[suffix.lower()]
    notes = []
    if picture.alpha is not None and kind in NO_ALPHA:
        picture = replace(picture, colours=flatten(picture, background), alpha=None)
        notes.append(f"{kind} has no transparency: laid on the background")
    if picture.colours.dtype != np.uint8:
        if kind in DEEP and (picture.colours.dtype == np.uint16 or kind == "TIFF"):
            return encode_high_bit(picture.colours, picture.alpha, suffix, picture.scale), notes
        picture = replace(picture, colours=to_bytes(picture.colours), alpha=to_bytes(picture.alpha))
        notes.append(f"{kind} holds 8 bits: rounded")
    image = to_pil(picture)
    options: dict = {"exif": picture.exif} if picture.exif and kind in KEEPS_EXIF else {}
    if kind == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
    elif kind in ("WEBP", "AVIF"):
        options |= {
            "quality": quality,
            **({"lossless": True, "exact": True} if kind == "WEBP" and quality == 100 else {}),
        }
    elif kind == "TIFF":
        options |= {"compression": "tiff_deflate"}
    elif kind == "PNG":
        # Three tenths to three fifths of the default's time, up to a seventh larger; quicker than its level 3 as well.
        options |= {"compress_level": 1, "compress_type": zlib.Z_RLE}
    elif kind == "GIF":
        notes.append("GIF holds 256 colours")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue(), notes


def flatten(picture: Picture, background: tuple[int, int, int]) -> np.ndarray:
    """The colours laid on an opaque background, so that what hides under full transparency is never seen."""
    colours, alpha = picture.colours, picture.alpha
    if alpha is None:
        return colours
    ground = np.asarray(background if not picture.grey else [luma(np.array([[background]], np.float32)).item()])
    if colours.dtype == np.float32:
        share = alpha[..., None]
        return colours * share + (ground / 255).astype(np.float32) * (1 - share)
    peak = PEAKS[colours.dtype.name]
    double = np.uint16 if peak == 255 else np.uint32  # just wide enough for peak * peak + peak / 2
    wide, share = colours.astype(double), alpha[..., None].astype(double)
    ground = np.rint(ground * (peak / 255)).astype(double)
    return ((wide * share + ground * (peak - share) + peak // 2) // peak).astype(colours.dtype)


def luma(colours: np.ndarray) -> np.ndarray:
    """(…, 3) → (…, 1) of the same kind: the grey of equal brightness (ITU-R 601, as Pillow's)."""
    grey = colours.astype(np.float32) @ np.array([[0.299], [0.587], [0.114]], np.float32)
    return grey if colours.dtype == np.float32 else np.rint(grey).astype(colours.dtype)


def to_bytes(levels: np.ndarray | None):
    """uint16 or float32 levels rounded to uint8."""
    if levels is None or levels.dtype == np.uint8:
        return levels
    return np.rint(levels / 257 if levels.dtype == np.uint16 else levels * 255).astype(np.uint8)


def resize(levels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 1 or 3) of any kind to (height, width): bicubic, antialiased when it shrinks."""
    if levels.shape[:2] == size or levels.dtype == np.uint8:
        return rgb8.resize(levels, size)
    peak = PEAKS[levels.dtype.name]
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in np.moveaxis(levels, 2, 0)]
    resized = [plane.resize(size[::-1], rgb8.FILTERS["bicubic"]) for plane in planes]
    result = np.clip(np.stack([np.asarray(plane) for plane in resized], axis=2), 0, peak)
    return result if levels.dtype == np.float32 else np.rint(result).astype(levels.dtype)


def to_pil(picture: Picture) -> Image.Image:
    """As a Pillow image, which holds 8 bits, or 16 where it is grayscale without alpha."""
    if picture.grey and picture.colours.dtype == np.uint16 and picture.alpha is None:
        return Image.fromarray(picture.colours[..., 0])
    image = rgb8.to_pil(to_bytes(picture.colours))
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(to_bytes(picture.alpha)))
    return image


def _profile(image: Image.Image) -> str:
    """The name of an embedded colour profile that is not sRGB itself."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        name = ImageCms.getProfileDescription(profile).strip()
    except Exception:
        return ""  # none, or damaged: the numbers are taken as they are
    return "" if "sRGB" in name else name
