"""Draws the characters of a font as square pictures, black on white.

All characters of a font are drawn at one scale and on one line, so that they keep the sizes and heights that they have
in a text; each is centred between left and right. The scale is chosen so that nearly all of them fill the picture: two
fonts with other margins within their squares then give pictures that lie on top of each other as well as they can.
"""

import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from translate.catalog.kinds import Glyphs
from translate.catalog.recipe import Recipe
from translate.catalog.selection import Source, matches
from translate.errors import UNAVAILABLE, UserError
from translate.system.text import in_short, printable

FINER = 4  # drawn so many times as large, then averaged: smoother than the font's own hinting at small sizes
MEASURED = 128  # pixels of the em at which the characters are measured
OUTSIDE = 0.03  # share of the characters whose extent counts for the scale no more: the few long tails and odd signs
NOT_DRAWN = ("C", "M", "Z")  # Unicode's categories: control and private use, marks on other letters, spaces


class FontError(Exception):
    """Which file is no font, and why, in a few words."""


@dataclass(frozen=True)
class _Glyph:
    """A character with the index of its font, and its ink in em: from the start of the line, and up from the line."""

    code: int
    font: int
    left: float
    right: float
    top: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom


def parts(recipe: Recipe, source: Source) -> dict[str, bytes]:
    """The font files that `inside` means, by name. UserError if there is none."""
    taken = dict(source(lambda name: matches(name, recipe.inside)))
    if not taken:
        raise UserError(
            f"{recipe.name}: {recipe.package} holds no file {recipe.inside}; reinstall that package and try again.",
            UNAVAILABLE,
        )
    return taken


def draw(glyphs: Glyphs, fonts: dict[str, bytes], only: set[int] | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """(key, picture) of each character, uint8 (size, size, 1); keys are code points: "4E00".

    fonts: the files of one font by name; of a character in several of them the first is taken. only: code points, of
    those that `glyphs` means. Empty characters are left out. FontError, or UserError when fontTools is missing.
    """
    names = sorted(fonts)
    found = [
        glyph
        for index, codes in enumerate(_codes(glyphs, {name: fonts[name] for name in names}, only))
        for glyph in _measure(_open(names[index], fonts[names[index]], MEASURED), index, codes)
    ]
    if not found:
        return
    room = glyphs.size * (1 - 2 * glyphs.margin)
    top = np.quantile([glyph.top for glyph in found], 1 - OUTSIDE)
    bottom = np.quantile([glyph.bottom for glyph in found], OUTSIDE)
    width = np.quantile([glyph.width for glyph in found], 1 - OUTSIDE)
    em = room / max(top - bottom, width)
    opened: dict[tuple[int, float], ImageFont.FreeTypeFont] = {}
    for glyph in found:
        scale = min(em, room / max(glyph.width, glyph.height))  # the few that don't fit are reduced
        place = glyph.font, scale
        if place not in opened:
            opened = {place: _open(names[glyph.font], fonts[names[glyph.font]], scale * FINER)}
        yield f"{glyph.code:04X}", _picture(opened[place], glyph, scale, glyphs, (top + bottom) / 2)


def characters(name: str, content: bytes) -> set[int]:
    """The code points of a font file's characters. FontError if it isn't one; UserError when fontTools is missing."""
    try:
        from fontTools.ttLib import TTFont

        with TTFont(io.BytesIO(content), lazy=True, fontNumber=0) as font:
            return set(font.getBestCmap() or {})
    except ImportError as error:  # of fontTools, or of brotli, with which woff2 is compressed
        raise UserError(f'{name} is a font: pip install "imgtranslate[fonts]" to draw its characters.') from error
    except Exception as error:  # fontTools raises whatever it meets in a damaged file
        raise FontError(f"{name} is not a font that can be read ({printable(in_short(error))})") from error


def _codes(glyphs: Glyphs, fonts: dict[str, bytes], only: set[int] | None) -> Iterator[list[int]]:
    """For each font file its code points that are drawn, each in the first file that has it."""
    taken: set[int] = set()
    for name, content in fonts.items():
        codes = {code for code in characters(name, content) - taken if glyphs.wants(code)}
        codes = {code for code in codes if unicodedata.category(chr(code))[0] not in NOT_DRAWN}
        codes = codes if only is None else codes & only
        taken |= codes
        yield sorted(codes)


def _open(name: str, content: bytes, em: float) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(io.BytesIO(content), em, layout_engine=ImageFont.Layout.BASIC)
    except OSError as error:
        why = "Pillow was built without Brotli" if content[:4] == b"wOF2" else printable(in_short(error))
        raise FontError(f"{name} is not a font that can be read ({why})") from error


def _measure(font: ImageFont.FreeTypeFont, index: int, codes: list[int]) -> Iterator[_Glyph]:
    side = 4 * MEASURED
    for code in codes:
        box = _ink(font, chr(code), side, (side / 4, side / 2)).getbbox()
        if box:
            left, top, right, bottom = box
            yield _Glyph(
                code,
                index,
                (left - side / 4) / MEASURED,
                (right - side / 4) / MEASURED,
                (side / 2 - top) / MEASURED,
                (side / 2 - bottom) / MEASURED,
            )


def _picture(font: ImageFont.FreeTypeFont, glyph: _Glyph, em: float, glyphs: Glyphs, middle: float) -> np.ndarray:
    """middle: height over the line, in em, that comes to the middle of the picture, unless ink would come out of it."""
    edge = glyphs.margin * glyphs.size
    x = glyphs.size / 2 - em * (glyph.left + glyph.right) / 2
    line = glyphs.size / 2 + em * middle
    line = min(max(line, edge + em * glyph.top), glyphs.size - edge + em * glyph.bottom)
    ink = _ink(font, chr(glyph.code), FINER * glyphs.size, (FINER * x, FINER * line))
    return 255 - np.asarray(ink.reduce(FINER), np.uint8)[..., None]


def _ink(font: ImageFont.FreeTypeFont, text: str, side: int, start: tuple[float, float]) -> Image.Image:
    """The text as a picture of side x side, 255 where there is ink; start: of its line."""
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text(start, text, 255, font, anchor="ls")
    return image
