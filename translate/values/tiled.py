"""Writes a tiled, compressed TIFF with a pyramid, row by row, in little memory: for images that are larger than it."""

import os
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from translate.errors import DISK, UserError
from translate.image import tiff_tags as tags
from translate.image.tiff_tags import Entry
from translate.image.tiff_write import RESOLUTION, directory
from translate.system.files import Announce, beside, publish, sync_folder
from translate.values import tiff_write
from translate.values.array import Values
from translate.values.pyramid import Level

CLASSIC = 3_000_000_000  # bytes of numbers up to which offsets of 32 bits are enough, with the pyramid's third
SUBFILE, COLOURMAP, REDUCED, DEFLATE = 254, 320, 1, 8
SHORT, LONG, RATIONAL, LONG8 = 3, 4, 5, 16
PHOTOMETRIC = {"miniswhite": 0, "minisblack": 1, "rgb": 2, "palette": 3, "separated": 5}
FORMAT = {"u": 1, "i": 2, "f": 3}


class TiledWriter:
    """with TiledWriter(path, height, width, channels, dtype, like) as writer: writer.put(rows), from top to bottom.

    like: the image that it was made from (files.read or files.outline): its coordinates, nodata, names, unit and
    resolution are written. The file appears under its name, whole, when the block ends without an exception. GDAL and
    tifffile see the smaller levels (halves, down to below 512 pixels) as overviews and as levels of the series.
    UserError (exit code 74) if the disk is full; ValueError for rows that don't fit.
    """

    def __init__(self, path: str | Path, height: int, width: int, channels: int, dtype: Any, like: Values | None = None,
                 tile: int = 512):  # fmt: skip
        if tile % 16 or min(height, width, channels) < 1:
            raise ValueError("tiles of TIFF files have sides that are multiples of 16")
        self.path, self.dtype, self.tile, self.channels = Path(path), np.dtype(dtype), tile, channels
        self.like = like or Values(np.empty((0, 0, channels), self.dtype))
        image = np.broadcast_to(np.zeros((), self.dtype), (height, width, channels))
        self.big = image.size * self.dtype.itemsize > CLASSIC
        self.options = tiff_write.options(self.like, image)
        nearest = self.options["photometric"] == "palette"
        self.level = Level(height, width, channels, self.dtype, tile, self.like.nodata, nearest, self._store)
        self.parts: dict[Level, tuple[list[int], list[int]]] = {level: ([], []) for level in self.level.all()}
        self.place = 0
        self.descriptor = -1
        self.announce: Announce | None = None  # called before the rename, while the file is still `temporary`

    def __enter__(self) -> "TiledWriter":
        try:
            self.temporary, self.descriptor = beside(self.path)
        except OSError as error:
            raise self._failed(error) from error
        self._append(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0) if self.big else struct.pack("<2sHI", b"II", 42, 0))
        return self

    def put(self, rows: np.ndarray) -> None:
        """(n, width, channels) of the file's type: the next n rows, any number of them."""
        fits = rows.ndim == 3 and rows.shape[1:] == (self.level.width, self.channels) and rows.dtype == self.dtype
        if not fits or self.level.done + len(rows) > self.level.height:
            raise ValueError(f"rows of {rows.shape} {rows.dtype} after {self.level.done} of {self.level.height}")
        self.level.put(rows)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        try:
            if kind is None:
                if self.level.done < self.level.height:
                    raise ValueError(f"{self.level.done} of {self.level.height} rows were put")
                self._finish()
        except OSError as failure:
            raise self._failed(failure) from failure
        finally:
            if self.descriptor >= 0:
                os.close(self.descriptor)
            with suppress(OSError):
                self.temporary.unlink()  # of a file that is not finished

    def _store(self, level: Level, tile: np.ndarray) -> None:
        import imagecodecs

        predict = imagecodecs.floatpred_encode if self.dtype.kind == "f" else imagecodecs.delta_encode
        packed = imagecodecs.deflate_encode(predict(np.ascontiguousarray(tile), axis=-2).tobytes(), level=3)
        offsets, counts = self.parts[level]
        offsets.append(self.place)
        counts.append(len(packed))
        try:
            self._append(packed)
        except OSError as error:
            raise self._failed(error) from error

    def _append(self, content: bytes | bytearray) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
        self.place += len(content)

    def _finish(self) -> None:
        """Appends the directories, then writes the place of the first one into the file's head."""
        self._append(b"\0" * (-self.place % 16))
        first = self.place
        levels = self.level.all()
        for number, level in enumerate(levels):
            entries = self._entries(level, reduced=number > 0)
            length = len(directory(entries, self.place, big=self.big))
            following = self.place + length if number + 1 < len(levels) else 0
            self._append(directory(entries, self.place, big=self.big, following=following))
        if not self.big and self.place >= 1 << 32:
            raise ValueError("larger than a TIFF file can be (4 GB)")
        os.lseek(self.descriptor, 8 if self.big else 4, os.SEEK_SET)
        os.write(self.descriptor, struct.pack("<Q" if self.big else "<I", first))
        descriptor, self.descriptor = self.descriptor, -1
        publish(descriptor, self.temporary, self.path, self.announce)
        sync_folder(self.path.parent)

    def _entries(self, level: Level, reduced: bool) -> dict[int, Entry]:
        offsets, counts = self.parts[level]
        wide = LONG8 if self.big else LONG
        options = self.options
        entries = {
            tags.WIDTH: Entry(LONG, (level.width,)),
            tags.HEIGHT: Entry(LONG, (level.height,)),
            tags.BITS: Entry(SHORT, (8 * self.dtype.itemsize,) * self.channels),
            tags.COMPRESSION: Entry(SHORT, (DEFLATE,)),
            tags.PHOTOMETRIC: Entry(SHORT, (PHOTOMETRIC[options["photometric"]],)),
            tags.SAMPLES: Entry(SHORT, (self.channels,)),
            tags.PLANAR: Entry(SHORT, (1,)),
            tags.PREDICTOR: Entry(SHORT, (3 if self.dtype.kind == "f" else 2,)),
            tags.TILE_WIDTH: Entry(LONG, (self.tile,)),
            tags.TILE_HEIGHT: Entry(LONG, (self.tile,)),
            tags.TILE_OFFSETS: Entry(wide, tuple(offsets)),
            tags.TILE_COUNTS: Entry(wide, tuple(counts)),
            tags.FORMAT: Entry(SHORT, (FORMAT[self.dtype.kind],) * self.channels),
        }
        if extra := options.get("extrasamples"):
            entries[tags.EXTRA] = Entry(SHORT, tuple(map(int, extra)))
        if "colormap" in options:
            entries[COLOURMAP] = Entry(SHORT, tuple(map(int, options["colormap"].ravel())))
        if reduced:
            entries[SUBFILE] = Entry(LONG, (REDUCED,))
            return entries
        for tag, kind, _, values, _ in options["extratags"]:
            text = values.encode() if isinstance(values, str) else values
            entries[tag] = Entry(kind, (text.rstrip(b"\0") + b"\0",) if kind == 2 else tuple(values))
        if "iccprofile" in options:
            entries[tags.PROFILE] = Entry(7, (options["iccprofile"],))
        if "resolution" in options:
            for tag, one in zip((tags.XDPI, tags.YDPI), options["resolution"], strict=True):
                entries[tag] = Entry(RATIONAL, one if isinstance(one, tuple) else (round(one * RESOLUTION), RESOLUTION))
            entries[tags.UNIT] = Entry(SHORT, (options["resolutionunit"],))
        for tag, text in self.like.carried.get("texts", {}).items() if self.like.kind == "tiff" else ():
            entries[tag] = Entry(2, (text.encode() + b"\0",))
        return entries

    def _failed(self, error: OSError) -> UserError:
        return UserError(
            f"{self.path} could not be written: {error.strerror or error}. Free some space or choose another folder "
            "with --out.",
            DISK,
        )
