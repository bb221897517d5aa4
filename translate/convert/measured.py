"""Converts files of measured values: each is read, translated and written as the same kind, with its coordinates."""

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from translate.convert.journal import Record, identity
from translate.convert.options import Options
from translate.convert.pipeline import LANE_BYTES, LANE_PIXELS, STOPPING, USABLE, one_thread, seed
from translate.convert.plan import Job
from translate.convert.reader import Failure
from translate.convert.streamed import Stopped, Stream
from translate.convert.writer import Finished, Writer
from translate.errors import DISK, UserError
from translate.image import picture
from translate.image.source import ImageError
from translate.model.measured import Types
from translate.model.slices import Slices
from translate.model.translator import Translator
from translate.system.files import sha256
from translate.system.memory import free_memory
from translate.system.text import in_short
from translate.values import files
from translate.values.array import Values
from translate.values.series import series

About = tuple[Job, str]


class MeasuredFiles:
    """Translates files of measured values, several at a time; `Pipeline` does that for pictures of 8 bits.

    On a CPU small images run in parallel with one thread each, large ones one after the other; which of both depends on
    the image's size only, so that its bytes don't depend on the other files. An image that doesn't fit the memory, or
    is larger than --tile, is streamed where its format lets parts of it be read.

    step: called after each file. stopped: called before each; a true result ends the conversion. say: gets a line of
    text about a large image.
    """

    def __init__(
        self,
        translator: Translator,
        options: Options,
        record: Record,
        recipe: str,
        *,
        step: Callable[[Job], object] = lambda job: None,
        stopped: Callable[[], object] = lambda: False,
        say: Callable[[str], object] = lambda line: None,
    ):
        assert translator.measured
        self.types: Types = translator.measured.with_range(options.values)
        self.translator, self.options, self.record, self.recipe = translator, options, record, recipe
        self.step, self.stopped, self.say = step, stopped, say
        self.network = hasattr(translator.engine, "network")
        self.cpu = getattr(translator.engine, "device", "cpu") == "cpu"
        self.needed = LANE_BYTES
        if self.network:
            from translate.model.tiles import bytes_per_pixel

            self.needed = bytes_per_pixel(translator.engine)  # type: ignore[arg-type]
        cores = os.cpu_count() or 1
        lanes = min(cores, int(free_memory() / 2 / self.needed / LANE_PIXELS)) if self.cpu else min(8, cores)
        self.lanes = max(1, lanes if self.network and not options.stochastic else 1)
        self.device = threading.Lock()  # of a GPU, or of onnxruntime, which uses all cores itself
        self.series: dict[Path, list[Path]] = {}
        self.reading = threading.Lock()
        self.problem: Exception | None = None
        self.writer: Writer[About] = Writer(self._kept)

    def run(self, jobs: list[Job]) -> None:
        """Translate the jobs. UserError (exit code 74) when the disk is full."""
        with self.writer, ThreadPoolExecutor(self.lanes, initializer=one_thread) as lanes:
            large = [job for job, is_large in lanes.map(self._small, jobs) if is_large]
            for job in large:
                self._one(job)
        if self.problem:
            raise self.problem

    def _small(self, job: Job) -> tuple[Job, bool]:
        """Translate a job with small images; (the job, whether it is left to be done on all cores)."""
        try:
            header = files.header(job.source)
            large = header.height * header.width > LANE_PIXELS
        except ImageError:
            large = False  # reading it again says why
        if not large:
            self._one(job)
        return job, large

    def _one(self, job: Job) -> None:
        """Translate a job, or record why that failed."""
        if self.stopped() or self.problem:
            return
        digest = ""
        try:
            status = job.source.stat()
            digest = "" if job.source.is_dir() else sha256(job.source)
            self._translate(job, identity(status, digest))
        except Stopped:
            return
        except Failure as failure:
            self._failed(job, failure.stage, str(failure), digest)
        except ImageError as error:
            self._failed(job, "read", str(error), digest)
        except UserError as error:
            if error.code == DISK:
                self.problem = self.problem or error
            else:
                self._failed(job, "translate", str(error).rstrip("."), digest)
        except OSError as error:
            if error.errno in STOPPING:
                self.problem = UserError(f"{job.target} could not be written: {error.strerror}.", DISK)
            else:
                self._failed(job, "read", in_short(error), digest)
        except Exception as error:  # of the network or of a decoder: only this file fails
            self._failed(job, "translate", in_short(error), digest)

    def _translate(self, job: Job, source: dict[str, Any]) -> None:
        if self.types.pictures[0] and files.kind_of(job.source) == "plain":
            self._picture(job, source)
            return
        if self.options.stochastic:
            seed(self.options, job)
        found = Slices(job.source, self.types, max_pixels=self.options.max_pixels, series=self._series(job.source))
        if self._streams(job, found):
            if self.options.stochastic:
                raise Failure(job, "translate", "too large for the memory at once, which --stochastic needs")
            stream = Stream(self.translator, self.options, found, self.say, self.stopped)
            stream.convert(job, lambda digest, notes, facts: self.record.making(
                job, self.recipe, source, digest, notes, facts
            ))  # fmt: skip
            self.step(job)
            return
        number = self.types.nodata_out(found.nodata)
        outputs = [self.types.from_network(self._network(x), absent, number) for x, absent in found.inputs()]
        self._write(job, source, found, outputs, number)

    def _series(self, path: Path) -> list[Path]:
        """The files of the DICOM series of which `path` is one, where its neighbours are needed. UserError for gaps."""
        if not self.types.neighbours or files.kind_of(path) != "dicom":
            return []
        with self.reading:
            if path.parent not in self.series:
                others = sorted(other for other in path.parent.iterdir() if files.kind_of(other) == "dicom")
                self.series[path.parent] = series(other for other in others if other.name != "DICOMDIR")
            return self.series[path.parent]

    def _streams(self, job: Job, found: Slices) -> bool:
        header, tile = found.header, self.options.rules.tile
        pixels = header.height * header.width
        large = bool(tile) and max(header.height, header.width) > tile
        if self.network and header.windowed and header.slices == 1 and not self.types.neighbours:
            return large or pixels > self.options.max_pixels or not self._fits(pixels)
        if not self._fits(pixels) and not large:
            raise Failure(job, "translate", _too_large(header.windowed, self.network))
        return False

    def _fits(self, pixels: int) -> bool:
        if not self.network:
            return pixels * self.needed < free_memory()
        from translate.model.tiles import room

        return pixels * self.needed < room(self.translator.engine.device) * USABLE  # type: ignore[attr-defined]

    def _network(self, x: np.ndarray) -> np.ndarray:
        if self.cpu and self.network:
            return self.translator.exact(x[None], self.options.rules)[0]
        with self.device:
            return self.translator.exact(x[None], self.options.rules)[0]

    def _picture(self, job: Job, source: dict[str, Any]) -> None:
        """A picture of 8 bits becomes measured values."""
        taken = picture.read(job.source, max_pixels=self.options.max_pixels)
        x = self.types.of_levels(self.translator.prepare(taken, self.options.rules))
        array = self.types.from_network(self._network(x), np.zeros(x.shape[:2], bool), self.types.target.nodata)
        values = self.types.like(Values(array, notes=taken.notes), array, self.types.target.nodata)
        self._put(job, source, values, None, {})

    def _write(
        self, job: Job, source: dict[str, Any], found: Slices, outputs: list[np.ndarray], number: float | None
    ) -> None:
        values = self.types.like(found.first, outputs[0], number)
        facts = {}
        if found.outside:
            values.notes.append(self.types.cut_off)
            facts["cut_off"] = found.outside
        self._put(job, source, values, outputs if found.count > 1 else None, facts)

    def _put(
        self, job: Job, source: dict[str, Any], values: Values, slices: list[np.ndarray] | None, facts: dict[str, Any]
    ) -> None:
        values.carried = {**values.carried, "conversion": self.recipe}  # of which a DICOM series' identifier is made
        try:
            content = files.encode(job.target.name, values, slices)
        except UserError as error:
            reason = str(error).removeprefix(f"{job.target.name}: ").rstrip(".")
            raise Failure(job, "write", reason, source["sha256"]) from error
        digest = hashlib.sha256(content).hexdigest()
        announce = self.record.making(job, self.recipe, source, digest, values.notes, facts)
        self.writer.put([Finished(job.target, content, announce, (job, source["sha256"]))])

    def _kept(self, about: About, error: UserError | None) -> None:
        """Called by the writer after each file, with the error if it could not be written."""
        job, known = about
        cause = error.__cause__ if error else None
        if error is None:
            self.step(job)
        elif isinstance(cause, OSError) and cause.errno not in STOPPING:
            self._failed(job, "write", in_short(cause), known)
        else:
            self.problem = self.problem or error

    def _failed(self, job: Job, stage: str, reason: str, digest: str) -> None:
        self.record.fail(job, stage, reason, digest)
        self.step(job)


def _too_large(windowed: bool, network: bool) -> str:
    if not network:
        return "too large for the memory; the generator file, instead of the ONNX file, can use tiles"
    if windowed:
        return "too large for the memory; --tile 512 needs less"
    return "too large for the memory, and a file of its kind can't be read in parts; save it as a tiled TIFF"
