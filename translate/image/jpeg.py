"""JPEG: decoded by libjpeg-turbo with its warnings heard, so that half a picture is not taken for a whole one.

Pillow and OpenCV keep these warnings to themselves: a file that was cut and ended again, or that has a foreign sector
in its middle, comes out of them grey or shifted from there on.
"""

import simplejpeg
from PIL import Image

from translate.image.source import ImageError

SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
BROKEN = ("premature end", "corrupt", "extraneous bytes", "marker type", "huffman", "restart")
LEAST = 600  # pixels that one byte can stand for; a header that declares more has lost its picture
END = b"\xff\xd9"
NO_SEGMENTS = {0x00, 0x01, 0xFF, *range(0xD0, 0xDA)}  # what follows 0xFF and has no length
NEEDED = {0xE0, 0xEE, 0xDB, 0xDD, *range(0xC0, 0xD0)}  # JFIF, Adobe, tables, restarts, frames


def refuse_empty(data: bytes, image: Image.Image) -> None:
    """ImageError when so few bytes can't hold so many pixels."""
    if image.width * image.height > LEAST * len(data):
        raise ImageError("truncated")


def refuse_twelve_bits(data: bytes) -> None:
    """Of a file that Pillow doesn't know: ImageError when its frame header says why."""
    place = 2
    while place + 4 < len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if data[place + 4] != 8:
                raise ImageError(f"of a kind that can't be read here (a JPEG of {data[place + 4]} bits)")
            return
        place += 2 + length


def decoded(data: bytes, image: Image.Image) -> Image.Image:
    """The picture of an opened file, whole, in its own mode. ImageError when libjpeg says that part of it is lost."""
    space = SPACES.get(image.mode)
    if space is None:
        image.load()
        return image
    cmyk = image.mode == "CMYK"
    try:
        # Of CMYK only the check, at an eighth of the size: which inks are inverted is Pillow's to know.
        array = simplejpeg.decode_jpeg(_cleaned(data), space, min_factor=8 if cmyk else 1, strict=True)
    except ValueError as error:
        text = str(error)
        if any(word in text.lower() for word in BROKEN):
            ended = "premature end of jpeg file" in text.lower()
            raise ImageError("truncated" if ended else f"damaged ({text[:100]})") from error
        array = None  # a warning about something else: Pillow decides
    if array is None or cmyk:
        image.load()
        return image
    whole = Image.fromarray(array[..., 0] if image.mode == "L" else array)
    whole.info = image.info
    return whole


def _cleaned(data: bytes) -> bytes:
    """With what the picture needs only: libjpeg also warns of odd metadata, and of junk between a header's parts."""
    parts, place = [data[:2]], 2
    while place + 4 <= len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if data[place] != 0xFF or marker in NO_SEGMENTS or length < 2:
            place += 1
        elif marker == 0xDA:  # the picture begins
            return b"".join([*parts, _without_padding(data[place:])])
        else:
            if marker in NEEDED:
                parts.append(data[place : place + 2 + length])
            place += 2 + length
    return data


def _without_padding(data: bytes) -> bytes:
    """Some cameras put zeros before the end marker, which libjpeg takes for something that is too much."""
    end = data.rfind(END)
    last = end
    while last > 0 and data[last - 1] == 0:
        last -= 1
    # A zero after 0xFF belongs to the picture.
    if end - last < 2 or data[last - 1] == 0xFF:
        return data
    return data[:last] + data[end:]
