"""The pictures of a report: sheets taken apart, packed as WebP, and thinned to a number of bytes and of seconds."""

import hashlib
import io
import math
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from translate.image import sheet_file
from translate.image.rgb8 import thumbnail, to_pil

SHEET = re.compile(r"(\d{1,15})(?:-(\w{1,20}))?\.png")
ATLAS = 1024  # longest side, in pixels, of the picture that holds a column's images; larger images are reduced
FEWEST = 8  # sheets that must fit: where they don't, their images are reduced
EXACT = 20  # sheets that fit without loss: else they are packed with it
QUALITY = 95


@dataclass(frozen=True)
class Layout:
    """What a sheet has. A picture holds `count` images of `size` (width, height), `across` in a row; per_row of them
    belong together (1 where each row of the sheet is one example). names: of the sheet's rows, or ()."""

    headings: tuple[str, ...]
    names: tuple[str, ...]
    count: int
    per_row: int
    size: tuple[int, int]
    across: int


@dataclass
class Strip:
    """The sheets of one direction. frames: images seen → for each heading the key of the picture."""

    direction: str
    layout: Layout
    frames: dict[int, list[str]]
    left_out: int  # sheets that are not shown


@dataclass
class Extremes:
    """The best and the worst outputs. rows: of each image "kind" (best or worst), "name" and "value"."""

    layout: Layout
    keys: list[str]
    about: dict[str, Any]
    rows: list[dict[str, Any]]


@dataclass
class Album:
    """Pictures as WebP, by key. One album serves all refreshes of a report: a sheet is read and packed once."""

    pictures: dict[str, bytes] = field(default_factory=dict)
    _sheets: dict[tuple[str, int, int], tuple[Layout, list[str], dict[str, Any]]] = field(default_factory=dict)

    def strips(self, folder: Path, room: int, missing: list[str], seconds: float = math.inf) -> list[Strip]:
        """The sheets in `folder`, in at most `room` bytes, read in about `seconds`. missing: gets a sentence for each
        file that can't be used."""
        end = time.monotonic() + seconds
        found = sheets(folder)
        strips = [self._strip(name, paths, room // len(found), missing, end) for name, paths in found.items()]
        return [strip for strip in strips if strip]

    def _strip(self, direction: str, paths: dict[int, Path], room: int, missing: list[str], end: float) -> Strip | None:
        strip: Strip | None = None
        used, other = set[str](), 0
        for images in spread_out(sorted(paths)):
            path = paths[images]
            try:
                if strip and time.monotonic() > end and _identity(path) not in self._sheets:
                    continue
                layout, keys, _ = self._packed(path, room // FEWEST, room // EXACT)
            except (OSError, ValueError) as error:
                missing.append(f"{path.parent.name}/{path.name} can't be shown: {error}.")
                continue
            strip = strip or Strip(direction, layout, {}, 0)
            if layout != strip.layout:
                other += 1
                continue
            if strip.frames and sum(len(self.pictures[key]) for key in used | {*keys}) > room:
                break
            used |= {*keys}
            strip.frames[images] = keys
        if strip:
            strip.left_out = len(paths) - len(strip.frames)
        if other:
            missing.append(f"{other} of the sheets have another layout than the newest, and are left out.")
        return strip

    def extremes(self, path: Path, room: int, missing: list[str]) -> Extremes | None:
        """The best and the worst outputs in a file of translate/train/extremes.py; None without one."""
        if not path.is_file():
            return None
        try:
            layout, keys, about = self._packed(path, room, room)
            rows = [row for row in about["rows"] if isinstance(row, dict)]
            if len(rows) != layout.count:
                raise ValueError("its description doesn't fit it")
        except (OSError, ValueError, KeyError, TypeError) as error:
            missing.append(f"{path.name} can't be shown: {error}.")
            return None
        return Extremes(layout, keys, about, rows)

    def _packed(self, path: Path, most: int, exact: int) -> tuple[Layout, list[str], dict[str, Any]]:
        """(layout, the keys of its columns' pictures, what its maker added) of a sheet in about `most` bytes, and
        without loss if it then has no more than `exact`. OSError or ValueError if it can't be read."""
        identity = _identity(path)
        if identity not in self._sheets:
            self._sheets[identity] = self._pack(sheet_file.unpack(path), most, exact)
        return self._sheets[identity]

    def _pack(self, parts: sheet_file.Parts, most: int, exact: int) -> tuple[Layout, list[str], dict[str, Any]]:
        tiles, headings = parts.tiles, parts.headings
        rows, columns = tiles.shape[:2]
        per_row = 1
        if not any(headings):  # samples: every image is an example
            tiles, headings, per_row = tiles.reshape(rows * columns, 1, *tiles.shape[2:]), [""], columns
        across = math.ceil(math.sqrt(len(tiles)))
        side = max(8, ATLAS // across)
        changing = max(1, len(headings) - 1)  # the inputs are the same in every sheet
        while True:
            small = [[thumbnail(tile, side) for tile in column] for column in tiles.swapaxes(0, 1)]
            made = [_webp(_atlas(column, across), exact // changing) for column in small]
            if sum(map(len, made[-changing:])) <= most or side <= 32:
                break
            side = min(side, *small[0][0].shape[:2]) * 3 // 4
        keys = [hashlib.sha256(picture).hexdigest()[:16] for picture in made]
        self.pictures |= dict(zip(keys, made, strict=True))
        height, width = small[0][0].shape[:2]
        layout = Layout(tuple(headings), tuple(parts.names), len(tiles), per_row, (width, height), across)
        return layout, keys, parts.about


def sheets(folder: Path) -> dict[str, dict[int, Path]]:
    """direction → images seen → the file of that sheet; "" is the first direction."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.glob("*.png")):
        if match := SHEET.fullmatch(path.name):
            found.setdefault(match[2] or "", {})[int(match[1])] = path
    return dict(sorted(found.items()))


def spread_out(moments: list[int]) -> list[int]:
    """The last, the first, the middle, the quarters …: wherever the list is cut, what is before is spread evenly."""
    last = len(moments) - 1
    order = [last, 0]
    parts = 1
    while parts < last:
        parts *= 2
        order += [round(last * part / parts) for part in range(1, parts, 2)]
    return [moments[place] for place in dict.fromkeys(order) if 0 <= place <= last]


def _identity(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_mtime_ns, status.st_size


def _atlas(tiles: list[np.ndarray], across: int) -> np.ndarray:
    """Images, uint8 (h, w, 3), in rows of `across`: uint8 (H, W, 3). Each has an edge of one pixel more, its own
    outermost, so that a browser that enlarges it doesn't mix its neighbour in."""
    tiles = [np.pad(tile, ((1, 1), (1, 1), (0, 0)), "edge") for tile in tiles]
    empty = [np.full_like(tiles[0], 255)] * (-len(tiles) % across)
    rows = [np.concatenate(row, 1) for row in zip(*[iter([*tiles, *empty])] * across, strict=True)]
    return np.concatenate(rows)


def _webp(array: np.ndarray, exact: int) -> bytes:
    """A WebP file without loss if it then has at most `exact` bytes, else with loss. Its colours have half the
    resolution, which shows in small images; and without loss small ones are packed faster."""
    image = to_pil(array)
    for limit, options in (
        (exact, {"lossless": True, "quality": 0, "method": 0}),
        (math.inf, {"quality": QUALITY, "method": 2}),
    ):
        if limit * 2 < image.width * image.height:  # it would not fit
            continue
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", **options)
        if buffer.tell() <= limit:
            break
    return buffer.getvalue()
