"""Sheets as PNG files that say where their images are, so that the images can be taken out again."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin

from translate.image.rgb8 import to_pil
from translate.image.sheet import compose
from translate.image.source import MAX_PIXELS
from translate.system.untrusted import parse_object, read_bytes

KEY = "translate-sheet"  # of the PNG's text chunk
LARGEST = 64 << 20  # bytes of a file


class Parts(NamedTuple):
    """A sheet's images, uint8 (rows, columns, height, width, 3) without enlargement, the columns' headings, the rows'
    names ([] if they have none), and what the sheet's maker added."""

    tiles: np.ndarray
    headings: list[str]
    names: list[str]
    about: dict[str, Any]


def pack(rows: list[list[np.ndarray]], *, about: dict[str, Any] | None = None, **options: Any) -> bytes:
    """A PNG file of `compose(rows, **options)`. All images are of one size. about: JSON-able, kept in the file."""
    made = compose(rows, **options)
    text = PngImagePlugin.PngInfo()
    description = {"corners": made.corners, "cell": made.cell, "scale": made.scale, "about": about or {}}
    description |= {"headings": options["headings"], "names": options.get("names") or []}
    text.add_text(KEY, json.dumps(description))
    buffer = io.BytesIO()
    to_pil(made.array).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def unpack(path: Path) -> Parts:
    """The images of a file that `pack` made; of another PNG file: itself, as a sheet of one image. OSError or
    ValueError for anything else."""
    try:
        with Image.open(io.BytesIO(read_bytes(path, LARGEST)), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            text = image.info.get(KEY)
            array = np.asarray(image.convert("RGB"))
    except (SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
    if not isinstance(text, str):
        return Parts(array[None, None], [""], [], {})
    return _cut(array, parse_object(text))


def _cut(array: np.ndarray, found: dict[str, Any]) -> Parts:
    """The images at the places that a description names; ValueError where it doesn't fit the sheet."""
    try:
        (height, width), scale = map(int, found["cell"]), int(found["scale"])
        rows = [
            [array[y : y + height : scale, x : x + width : scale] for x, y in _pairs(corners)]
            for corners in found["corners"]
        ]
        if sum(tile.size for row in rows for tile in row) > 2 * array.size:  # they don't overlap
            raise ValueError("its images are larger than it is")
        tiles = np.array(rows, dtype=np.uint8)
        headings, names, about = [*map(str, found["headings"])], [*map(str, found["names"])], dict(found["about"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"its description doesn't fit it: {error}") from None
    if tiles.ndim != 5 or not tiles.size or len(headings) != tiles.shape[1]:
        raise ValueError("its description doesn't fit it")
    return Parts(tiles, headings, names, about)


def _pairs(corners: Any) -> list[tuple[int, int]]:
    pairs = [(int(x), int(y)) for x, y in corners]
    if any(min(pair) < 0 for pair in pairs):
        raise ValueError("a corner is outside")
    return pairs
