"""Image files of 16 bits and floats, which Pillow can't hold in colour, through OpenCV."""

import io
import struct

import numpy as np
from PIL import Image, TiffImagePlugin

from translate.image import rgb8
from translate.image.rgb8 import ImageError

WIDTH, HEIGHT, BITS, ORIENTATION = 256, 257, 258, 274  # TIFF tags


def is_high_bit(data: bytes) -> bool:
    """Whether a file holds more than 8 bits a channel, by its header."""
    if data.startswith(b"\x89PNG"):
        return len(data) > 24 and data[24] == 16
    if data[:2] in (b"P5", b"P6"):
        return _ppm_peak(data) > 255
    return data[:4] in (b"II*\0", b"MM\0*") and max(_tags(data).get(BITS, (8,))) in (16, 32, 64)


def decode_high_bit(
    data: bytes, max_pixels: int
) -> tuple[np.ndarray, np.ndarray | None, tuple[float, float], list[str]]:
    """(colours, alpha, scale, notes), see Picture. Raises ImageError, and nothing else."""
    orientation = 1
    if data[:4] in (b"II*\0", b"MM\0*"):
        tags = _tags(data)
        width, height, orientation = tags.get(WIDTH, 0), tags.get(HEIGHT, 0), tags.get(ORIENTATION, 1)
        if width * height > max_pixels:
            raise ImageError(f"{width} x {height} pixels, more than the limit of {max_pixels:,} (max_pixels)")
    try:
        # OpenCV takes half a file for a whole one. Pillow notices, where it knows the kind.
        orientation = rgb8.decode(data, lambda image: _checked(image, max_pixels)) or orientation
    except ImageError as error:
        if "not an image" not in str(error) and "damaged at its beginning" not in str(error):
            raise
    values = _opencv(data)
    channels = 1 if values.ndim == 2 else values.shape[2]
    alpha = None
    if channels == 4:
        values, alpha = values[..., :3], values[..., 3]
    if values.ndim == 3:
        values = values[..., ::-1]  # OpenCV's order is blue, green, red
        if data.startswith(b"\x89PNG") and data[25] in (0, 4):
            values = values[..., 0]  # grey with alpha comes as four channels
    notes = []
    if _has_profile(data):
        notes.append("its colour profile is left out: 16-bit numbers are taken as sRGB")
    both = [_rotate(part, orientation) for part in (values, alpha) if part is not None]
    levels, scale = of_high_bit(both[0])
    if levels.ndim == 2:
        levels = levels[..., None]
    if alpha is not None:
        alpha = both[1] if levels.dtype == np.uint16 else np.clip(both[1] / scale[1], 0, 1).astype(np.float32)
    return np.ascontiguousarray(levels), alpha, scale, notes


def of_high_bit(values: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """16-bit integers as they are; other values as float32 in [0, 1], and what 0 and 1 stand for.

    Files don't say which range they use, so the values decide: [0, 1], [0, 255], 16 bits, or from lowest to highest.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ImageError("contains NaN or infinity")
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind != "f" and low >= 0 and high <= 65535:
        return values.astype(np.uint16), (0.0, 1.0)
    for peak in (1.0, 255.0, 65535.0):
        if low >= 0 and high <= peak and values.dtype.kind == "f":
            return (values / peak).astype(np.float32), (0.0, peak)
    return ((values - low) / max(high - low, 1e-12)).astype(np.float32), (low, max(high, low + 1e-12))


def encode_high_bit(colours: np.ndarray, alpha: np.ndarray | None, suffix: str, scale: tuple[float, float]) -> bytes:
    """A PNG, TIFF or PPM file of uint16 colours, or a TIFF file of floats between `scale`'s two values."""
    import cv2

    channels = colours[..., ::-1] if colours.shape[2] == 3 else colours
    if alpha is not None:
        if channels.shape[2] == 1:
            channels = np.repeat(channels, 3, axis=2)  # OpenCV has no grey with alpha
        channels = np.concatenate([channels, alpha[..., None]], axis=2)
    if channels.dtype == np.float32:
        channels = channels * (scale[1] - scale[0]) + scale[0]
    done, data = cv2.imencode(suffix.lower(), np.ascontiguousarray(channels, dtype=colours.dtype))
    assert done, "OpenCV encodes every array of 1, 3 or 4 channels"
    return data.tobytes()


def _opencv(data: bytes) -> np.ndarray:
    import cv2

    cv2.utils.logging.setLogLevel(0)  # it writes its own words about damaged files to stderr
    try:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError("damaged") from error
    if values is None:
        raise ImageError("damaged, or of a kind of TIFF that is not known")
    return values


def _checked(image: Image.Image, max_pixels: int) -> int:
    rgb8.upright(image, max_pixels)
    return image.getexif().get(ORIENTATION, 1)


def _tags(data: bytes) -> dict:
    """The first directory of a TIFF file."""
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        file = io.BytesIO(data)
        file.seek(directory.next)
        directory.load(file)
        return dict(directory)
    except Exception:
        return {}  # damaged: Pillow says how


def _ppm_peak(data: bytes) -> int:
    """The largest value that a PPM or PGM header declares."""
    words = [word for line in data[:200].split(b"\n") for word in line.partition(b"#")[0].split()]
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else 255


def _has_profile(data: bytes) -> bool:
    if data.startswith(b"\x89PNG"):
        place = 8
        while place + 8 <= len(data):
            length, name = struct.unpack_from(">I4s", data, place)
            if name in (b"iCCP", b"IDAT"):
                return name == b"iCCP"
            place += length + 12
        return False
    return 34675 in _tags(data)


def _rotate(array: np.ndarray, orientation: int) -> np.ndarray:
    """Upright, as EXIF orientations 1 to 8 say."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    vertical = orientation in (3, 4, 7, 8)
    horizontal = orientation in (2, 3, 6, 7)
    return array[:: -1 if vertical else 1, :: -1 if horizontal else 1]
