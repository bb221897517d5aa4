"""Contact sheets: rows of images under headings, with several examples side by side."""

import math
import unicodedata
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PAPER, INK, FAINT, EDGE = (255, 255, 255), (40, 40, 40), (110, 110, 110), (222, 222, 222)
GAP = 4  # between the images of one example
WIDE_GAP = 20  # between examples side by side
MARGIN = 12
SMALL = 128  # images smaller than this are enlarged, pixel by pixel
RATIO = 1.5  # target of the sheet's width / height


class Composed(NamedTuple):
    """A sheet, uint8 (H, W, 3), and where its images are in it: the upper left corner (x, y) of each row's images, the
    height and width that an image has in the sheet, and the factor by which it was enlarged."""

    array: np.ndarray
    corners: list[list[tuple[int, int]]]
    cell: tuple[int, int]
    scale: int


def sheet(rows: list[list[np.ndarray]], **options: Any) -> np.ndarray:
    """The array of `compose`."""
    return compose(rows, **options).array


def compose(
    rows: list[list[np.ndarray]],
    *,
    headings: list[str],
    scale: int | None = None,
    caption: str = "",
    side_by_side: int | None = None,
    names: list[str] | None = None,
) -> Composed:
    """A contact sheet. Each row is one example: one image, uint8 (h, w, 1 or 3), per heading.
    If all headings are empty, no space is reserved for them.

    `scale`: enlargement without smoothing; None enlarges until the longer side has 128 pixels. `side_by_side`: how
    many examples are side by side; None chooses so that the sheet fits a screen. A None in a row is left empty.
    `names`: labels left of the rows; then all examples are in one column.
    """
    pictures = [[None if image is None else _rgb(image) for image in row] for row in rows]
    present = [image for row in pictures for image in row if image is not None]
    if not present:
        raise ValueError("a sheet needs at least one image")
    height, width = (max(image.shape[axis] for image in present) for axis in (0, 1))
    scale = scale or max(1, math.ceil(SMALL / max(height, width)))
    height, width = height * scale, width * scale
    font_size, small_size = max(12, min(22, width // 9)), max(12, min(18, width // 10))
    font, small = ImageFont.load_default(size=font_size), ImageFont.load_default(size=small_size)
    caption_line = int(small_size * 1.5)
    line = int(font_size * 1.6) if any(headings) else 0
    group = len(headings) * (width + GAP) - GAP
    beside = 1 if names else side_by_side or _best_split(len(rows), group + WIDE_GAP, height + GAP)
    beside = max(1, min(beside, len(rows)))
    down = math.ceil(len(rows) / beside)

    names = [_shorten(_drawable(name, font), font, 2 * width) for name in names or []]
    before = max((math.ceil(font.getlength(name)) + MARGIN for name in names), default=0)
    paper_width = 2 * MARGIN + before + beside * (group + WIDE_GAP) - WIDE_GAP
    caption_lines = _wrap(_drawable(caption, small), small, paper_width - 2 * MARGIN) if caption else []
    below = len(caption_lines) * caption_line
    top = MARGIN + line
    paper = Image.new("RGB", (paper_width, top + down * (height + GAP) - GAP + MARGIN + below), PAPER)
    draw = ImageDraw.Draw(paper)
    for column in range(beside):
        left = MARGIN + before + column * (group + WIDE_GAP)
        for place, heading in enumerate(headings):
            text = _shorten(_drawable(heading, font), font, width)
            draw.text((left + place * (width + GAP) + width // 2, MARGIN + line // 2), text, INK, font, anchor="mm")
    corners: list[list[tuple[int, int]]] = []
    for number, row in enumerate(pictures):
        corners.append([])
        column, across = divmod(number, down)  # down the first column of examples, then the next
        if names:
            middle = top + across * (height + GAP) + height // 2
            draw.text((before, middle), names[number], INK, font, anchor="rm")
        for place, image in enumerate(row):
            x = MARGIN + before + column * (group + WIDE_GAP) + place * (width + GAP)
            y = top + across * (height + GAP)
            corners[-1].append((x, y))
            if image is not None:
                large = Image.fromarray(image.repeat(scale, 0).repeat(scale, 1))
                paper.paste(large, (x + (width - large.width) // 2, y + (height - large.height) // 2))
            draw.rectangle((x - 1, y - 1, x + width, y + height), outline=EDGE)
    for number, text in enumerate(caption_lines):
        y = paper.height - MARGIN // 2 - below + number * caption_line
        draw.text((MARGIN, y), text, FAINT, small)
    return Composed(np.asarray(paper), corners, (height, width), scale)


def _best_split(count: int, width: int, height: int) -> int:
    """The number of examples side by side that brings the sheet near RATIO with little empty space."""

    def distance(beside: int) -> float:
        down = math.ceil(count / beside)
        empty = (beside * down - count) / count
        return abs(math.log(beside * width / (down * height) / RATIO)) + 2 * empty

    return min(range(1, count + 1), key=distance)


def _rgb(image: np.ndarray) -> np.ndarray:
    image = image[..., None] if image.ndim == 2 else image
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def _drawable(text: str, font) -> str:
    """The text with characters that Pillow's built-in font lacks replaced: arrows by ->, é by e, the rest by ?."""
    missing = bytes(font.getmask("\uffff"))

    def has(letter: str) -> bool:
        return letter.isspace() or bytes(font.getmask(letter)) != missing

    def plain(letter: str) -> str:
        letters = unicodedata.normalize("NFKD", letter)
        return "".join(part for part in letters if not unicodedata.combining(part) and has(part)) or "?"

    text = text.replace("→", "->").replace("×", "x").replace("–", "-").replace("—", "-")
    return "".join(letter if has(letter) else plain(letter) for letter in text)


def _shorten(text: str, font, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def _wrap(text: str, font, width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_shorten(word, font, width))
    return lines
