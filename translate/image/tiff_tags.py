"""Reads the directory of a TIFF or BigTIFF file; damaged entries are left out and raise no exception.

Adobe, "TIFF Revision 6.0" (1992); BigTIFF: Library of Congress, https://www.loc.gov/preservation/digital/formats/fdd/fdd000328.shtml
"""

import struct
from typing import Any, NamedTuple

TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "2I", 6: "b", 7: "s", 8: "h", 9: "i", 10: "2i", 11: "f", 12: "d", 13: "I",
         16: "Q", 17: "q", 18: "Q"}  # fmt: skip
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, OFFSETS, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 273, 274, 277
ROWS, COUNTS, XDPI, YDPI, PLANAR, UNIT, PREDICTOR, TILE_WIDTH, TILE_HEIGHT = 278, 279, 282, 283, 284, 296, 317, 322, 323
TILE_OFFSETS, TILE_COUNTS, EXTRA, FORMAT, PROFILE = 324, 325, 338, 339, 34675
MAX_TAGS, MAX_PAGES, MAX_VALUES = 4096, 10_000, 10_000_000
# Georeference: scale, tie points, transformation, keys, GDAL's metadata and "no data" value.
GEO = (33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113)


class Entry(NamedTuple):
    kind: int  # TIFF's number of the type
    values: tuple  # numbers, or a single bytes object


class Tags:
    """tags: of the first page. damaged: those that were left out. order: '<' or '>'. pages: the number of pages."""

    def __init__(self, data: bytes):
        self.order = "<" if data[:2] == b"II" else ">"
        self.big = data[2:4] in (b"+\0", b"\0+")
        self.data = data
        self.tags: dict[int, Entry] = {}
        self.damaged: set[int] = set()
        self.pages = 0
        place, seen = self._offset(8 if self.big else 4), set()
        while place and place not in seen and self.pages < MAX_PAGES:
            seen.add(place)
            place = self._page(place)

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag of an integer type, else the default."""
        numbers = self.numbers(tag)
        return numbers[0] if numbers else default

    def numbers(self, tag: int) -> tuple[int, ...]:
        entry = self.tags.get(tag)
        return entry.values if entry and entry.kind not in (2, 5, 7, 10, 11, 12) else ()

    def density(self) -> tuple[float, float] | None:
        """Pixels per inch."""
        unit = {2: 1.0, 3: 2.54}.get(self.number(UNIT, 2))
        found = []
        for tag in (XDPI, YDPI):
            entry = self.tags.get(tag)
            if entry and entry.kind == 5 and len(entry.values) == 2 and entry.values[0] and entry.values[1]:
                found.append(entry.values[0] / entry.values[1])
        return (found[0] * unit, found[1] * unit) if unit and len(found) == 2 else None

    def carried(self) -> dict[str, Any]:
        """The metadata to keep: 'dpi' and 'geo'."""
        geo = {tag: self.tags[tag] for tag in GEO if tag in self.tags}
        dpi = self.density()
        return {**({"dpi": dpi} if dpi else {}), **({"geo": geo} if geo else {})}

    def profile(self) -> bytes:
        entry = self.tags.get(PROFILE)
        return entry.values[0] if entry and entry.kind in (2, 7) else b""

    def _offset(self, place: int) -> int:
        form = self.order + ("Q" if self.big else "I")
        size = struct.calcsize(form)
        return struct.unpack_from(form, self.data, place)[0] if 0 <= place <= len(self.data) - size else 0

    def _page(self, place: int) -> int:
        """Reads the first directory and counts the others. Returns the offset of the next one, or 0."""
        width, entry = (8, 20) if self.big else (2, 12)
        if place + width > len(self.data):
            return 0
        (count,) = struct.unpack_from(self.order + ("Q" if self.big else "H"), self.data, place)
        start = place + width
        if not 0 < count <= MAX_TAGS or start + entry * count > len(self.data):
            return 0
        if self.pages == 0:
            for at in range(start, start + entry * count, entry):
                self._entry(at)
        self.pages += 1
        return self._offset(start + entry * count)

    def _entry(self, at: int) -> None:
        tag, kind, count = struct.unpack_from(self.order + ("HHQ" if self.big else "HHI"), self.data, at)
        form, place = TYPES.get(kind), at + (12 if self.big else 8)
        self.damaged.add(tag)
        if form is None or not 0 < count <= MAX_VALUES:
            return
        size = struct.calcsize("<" + form) * count
        if size > (8 if self.big else 4):
            place = self._offset(place)
        if place <= 0 or place + size > len(self.data):
            return
        self.damaged.discard(tag)
        if form == "s":
            self.tags[tag] = Entry(kind, (self.data[place : place + size],))
        else:
            many = f"{count * int(form[0]) if form[0].isdigit() else count}{form[-1]}"
            self.tags[tag] = Entry(kind, struct.unpack_from(self.order + many, self.data, place))
