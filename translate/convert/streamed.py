"""Converts one image that is larger than memory: windows are read, translated and written row by row."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from translate.convert.options import Options
from translate.convert.plan import Job
from translate.errors import UserError
from translate.model.slices import Slices
from translate.model.translator import Translator
from translate.system.files import Announce, beside, publish, sha256
from translate.system.text import duration
from translate.values import files
from translate.values.files import TIFF, suffix_of

BAND_BYTES = 192 << 20  # rows across the whole image that are read at once
OUTPUT_BYTES = 256 << 20  # rows of the output that wait to be written
SAY_SECONDS = 60.0

Making = Callable[[str | Callable[[], str], list[str], dict[str, Any]], Announce]
Put = Callable[[np.ndarray], None]


class Stopped(Exception):
    """A signal ended the conversion; nothing is left of the output."""


class Stream:
    """One image: see translate/model/streaming.py. say: gets lines about the progress. stopped: see MeasuredFiles."""

    def __init__(
        self,
        translator: Translator,
        options: Options,
        source: Slices,
        say: Callable[[str], object],
        stopped: Callable[[], object],
    ):
        self.options, self.source, self.types, self.stopped = options, source, source.types, stopped
        header = source.header
        self.size = header.height, header.width
        self.rows = Rows(source)
        row = header.width * self.types.target.channels * np.dtype(self.types.target.dtype).itemsize
        most = max(32, OUTPUT_BYTES // row)
        from translate.model.streaming import Streamed  # imports torch, which an ONNX file does without

        engine: Any = translator.engine
        self.stream = Streamed(engine, self.size, self._read, options.rules.tile, most)
        self.said, self.say, self.tiles = time.monotonic(), say, 0
        self.started = self.said

    def convert(self, job: Job, making: Making) -> None:
        """Write the output. making: gives the callback that records it, from a digest, notes and facts. ImageError for
        a file that can't be read; UserError for one that can't be written; Stopped."""
        stream, header = self.stream, self.source.header
        if suffix_of(job.target) not in (*TIFF, ".npy"):
            raise UserError(
                f"{header.height:,} x {header.width:,} pixels are written in parts, as .tif or .npy; --format tif does"
            )
        numbers = stream.chosen(self.options.norms)
        whole = len(stream.windows((0, 0)))
        notes = [f"translated in tiles of {stream.side} pixels, since it would not fit the memory at once"]
        if self.options.rules.tile:
            notes = []
        if stream.passes and len(numbers) < whole:
            notes.append(
                f"the statistics of its {stream.passes} norms are estimated from {len(numbers):,} of {whole:,} tiles; "
                f"--norms exact finds them in {stream.passes} more passes"
            )
        self.total = whole + stream.passes * len(numbers)
        self.say(
            f"{job.name}: {header.height:,} x {header.width:,} pixels in {whole:,} tiles of {stream.side}"
            + (f"; {stream.passes} norms need a pass over {len(numbers):,} of them each" if stream.passes else "")
        )
        number = self.types.nodata_out(self.source.nodata)
        like = self.types.like(files.outline(self.source.path), np.empty((0, 0, 0)), number)
        notes = [*like.notes, *notes]
        self.rows.whole = len(numbers) > whole / 4
        stream.find_statistics(numbers, self._step)
        self.rows.whole = True
        facts: dict[str, Any] = {}

        def recorded(digest: Callable[[], str]) -> Announce:
            if self.rows.outside:
                notes.append(self.types.cut_off)
                facts["cut_off"] = self.rows.outside
            return making(digest, notes, facts)

        with self._writing(job.target, like, recorded) as put:
            for band in self._bands(number):
                put(band)

    def _bands(self, number: float | None) -> Iterator[np.ndarray]:
        """(h, W, C') of the output's dtype, from the top to the bottom."""
        target, width = self.types.target, self.size[1]
        band = np.empty((0, width, target.channels), target.dtype)
        for (_, left, height, wide), found, absent in self.stream.tiles():
            if left == 0:
                band = np.empty((height, width, target.channels), target.dtype)
            levels = np.zeros((height, wide, target.channels), np.float32) if found is None else found
            band[:, left : left + wide] = self.types.from_network(levels, absent, number)
            self._step()
            if left + wide == width:
                yield band

    @contextmanager
    def _writing(self, path: Path, like: Any, recorded: Callable[[Callable[[], str]], Announce]) -> Iterator[Put]:
        """A function that takes the next rows; the file appears whole at the end."""
        height, width = self.size
        target = self.types.target
        if suffix_of(path) in TIFF:
            from translate.values.tiled import TiledWriter

            with TiledWriter(path, height, width, target.channels, target.dtype, like) as writer:
                yield writer.put
                writer.announce = lambda status: recorded(lambda: sha256(writer.temporary))(status)
            return
        temporary, descriptor = beside(path)
        try:
            os.close(descriptor)
            shape = (height, width, target.channels)
            array = np.lib.format.open_memmap(temporary, "w+", np.dtype(target.dtype), shape)
            done = 0

            def put(rows: np.ndarray) -> None:
                nonlocal done
                array[done : done + len(rows)] = rows
                done += len(rows)

            yield put
            array.flush()
            publish(os.open(temporary, os.O_RDWR), temporary, path, recorded(lambda: sha256(temporary)))
        finally:
            temporary.unlink(missing_ok=True)

    def _read(self, window: tuple[int, int, int, int], inside: tuple[slice, slice] | None):
        array = self.rows.window(*window)
        if inside:
            with self.rows.lock:
                self.rows.outside += self.types.outside(array[inside], self.source.nodata)
        try:
            return self.types.to_network(array, self.source.nodata)
        except ValueError as error:
            raise files.ImageError(str(error)) from error

    def _step(self) -> None:
        if self.stopped():
            raise Stopped
        self.tiles += 1
        now = time.monotonic()
        if now - self.said >= SAY_SECONDS:
            self.said = now
            left = (now - self.started) / self.tiles * (self.total - self.tiles)
            self.say(f"  {self.source.path.name}: {self.tiles:,} of {self.total:,} tiles; {duration(left)} left")


class Rows:
    """Windows of an image, cut from rows across all of it, which are read once for all tiles beside each other.

    whole: whether to do so, where the rows aren't too large; else each window is read by itself.
    outside: values beyond the range.
    """

    def __init__(self, source: Slices):
        self.source, self.lock, self.whole, self.outside = source, Lock(), True, 0
        self.kept: dict[tuple[int, int], np.ndarray] = {}

    def window(self, top: int, left: int, height: int, width: int) -> np.ndarray:
        """(height, width, C) of the file's numbers. ImageError."""
        header = self.source.header
        size = height * header.width * header.channels * np.dtype(header.dtype).itemsize
        if not self.whole or size > BAND_BYTES:
            return files.window(self.source.path, top, left, height, width)
        with self.lock:
            if (top, height) not in self.kept:
                while len(self.kept) > 1:
                    self.kept.pop(next(iter(self.kept)))
                self.kept[top, height] = files.window(self.source.path, top, 0, height, header.width)
            rows = self.kept[top, height]
        return rows[:, left : left + width]
