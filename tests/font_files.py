"""Tiny fonts whose characters are rectangles, made here with fontTools."""

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

Box = tuple[int, int, int, int]  # left, bottom, right, top in thousandths of the em; the line is at 0


def font(boxes: dict[str, Box | None], flavor: str | None = None) -> bytes:
    """A TrueType font (or "woff2") with these characters; None: one without ink, as the space is."""
    names = {character: f"u{ord(character):04X}" for character in boxes}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap({ord(character): name for character, name in names.items()})
    builder.setupGlyf({".notdef": _glyph((0, 0, 900, 900))} | {names[c]: _glyph(box) for c, box in boxes.items()})
    builder.setupHorizontalMetrics(
        {".notdef": (1000, 0)} | {names[c]: (1000, (box or [0])[0]) for c, box in boxes.items()}
    )
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Boxes", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.font.flavor = flavor
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


def _glyph(box: Box | None):
    pen = TTGlyphPen(None)
    if box:
        left, bottom, right, top = box
        pen.moveTo((left, bottom))
        for corner in ((left, top), (right, top), (right, bottom)):
            pen.lineTo(corner)
        pen.closePath()
    return pen.glyph()
