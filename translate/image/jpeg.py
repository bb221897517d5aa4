"""JPEG: decoded by libjpeg-turbo with its warnings as errors, so that a damaged picture isn't used as a whole one.

Pillow and OpenCV suppress these warnings: a truncated file with an end marker, or one with a damaged part in its
middle, is decoded as grey or shifted from there on.
"""

import simplejpeg
from PIL import Image

from translate.image.source import ImageError

SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
BROKEN = ("premature end", "corrupt", "extraneous bytes", "marker type", "huffman", "restart")
LEAST = 600  # most pixels per byte; if a header declares more, the data is missing
END = b"\xff\xd9"
NO_SEGMENTS = {0x00, 0x01, 0xFF, *range(0xD0, 0xDA)}  # marker codes without a length
NEEDED = {0xE0, 0xEE, 0xDB, 0xDD, *range(0xC0, 0xD0)}  # markers kept: JFIF, Adobe, tables, restarts, frames


def refuse_empty(data: bytes, image: Image.Image) -> None:
    """ImageError if the file has too few bytes for its number of pixels."""
    if image.width * image.height > LEAST * len(data):
        raise ImageError("truncated")


def refuse_twelve_bits(data: bytes) -> None:
    """For a file that Pillow doesn't recognise: ImageError if its frame header gives the reason."""
    place = 2
    while place + 4 < len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if data[place + 4] != 8:
                raise ImageError(f"of a kind that can't be read here (a JPEG of {data[place + 4]} bits)")
            return
        place += 2 + length


def decoded(data: bytes, image: Image.Image) -> Image.Image:
    """The picture of an opened file in its own mode. ImageError if libjpeg warns that part of it is missing."""
    space = SPACES.get(image.mode)
    if space is None:
        image.load()
        return image
    cmyk = image.mode == "CMYK"
    try:
        # CMYK is only checked, at an eighth of the size; Pillow decodes it, because it knows which inks are inverted.
        array = simplejpeg.decode_jpeg(_cleaned(data), space, min_factor=8 if cmyk else 1, strict=True)
    except ValueError as error:
        text = str(error)
        if any(word in text.lower() for word in BROKEN):
            ended = "premature end of jpeg file" in text.lower()
            raise ImageError("truncated" if ended else f"damaged ({text[:100]})") from error
        array = None  # another warning: left to Pillow
    if array is None or cmyk:
        image.load()
        return image
    whole = Image.fromarray(array[..., 0] if image.mode == "L" else array)
    whole.info = image.info
    return whole


def _cleaned(data: bytes) -> bytes:
    """Only the segments needed for the pixels: libjpeg also warns about metadata and bytes between segments."""
    parts, place = [data[:2]], 2
    while place + 4 <= len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place] != 0xFF or marker in NO_SEGMENTS or length < 2:
            place += 1
        elif marker == 0xDA:  # start of the pixel data
            return b"".join([*parts, _without_padding(data[place:])])
        else:
            if marker in NEEDED:
                parts.append(data[place : place + 2 + length])
            place += 2 + length
    return data


def _without_padding(data: bytes) -> bytes:
    """Without the zeros that some cameras write before the end marker: libjpeg warns about extra bytes."""
    end = data.rfind(END)
    last = end
    while last > 0 and data[last - 1] == 0:
        last -= 1
    # A zero after 0xFF belongs to the pixel data.
    if end - last < 2 or data[last - 1] == 0xFF:
        return data
    return data[:last] + data[end:]
