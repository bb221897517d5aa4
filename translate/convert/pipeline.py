"""The pipeline of a conversion: decoding, the network, encoding and writing in parallel, with batches across files."""

import errno
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from translate.convert.journal import Record
from translate.convert.options import Options
from translate.convert.plan import Job
from translate.convert.reader import BATCH_PIXELS, WAITING_BYTES, Failure, Reader, Ready
from translate.convert.writer import Finished, Writer
from translate.errors import UserError
from translate.image import picture
from translate.model.translator import Translator
from translate.system.memory import Budget, free_memory
from translate.system.text import in_short, out_of_memory

LANE_PIXELS = 1 << 20  # larger images are translated one after the other, each on all cores
LANE_BYTES = 1500.0  # memory per input pixel, for a network that can't be measured
LEAST_BYTES = 100  # memory per input pixel that every network needs
USABLE = 0.7  # fraction of the free memory
TILE = 512  # pixels, for images that have to be translated in tiles
STOPPING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # errors that every further file would have as well


class Pipeline:
    """Reads, translates, encodes and writes files in parallel.

    On a CPU several batches run in parallel with one thread each. This avoids synchronisation between threads, and a
    core that is busy with another program slows down only one batch.

    An image's output bytes don't depend on the other files. torch's CPU convolutions round a batch of one differently
    from larger batches (which all round alike), so small images always run in batches of at least two, and large images
    always in a batch of one.

    step: called after each file with its job. stopped: called before each file; a true result ends the conversion
    after the files in progress.
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
    ):
        self.translator, self.options, self.record, self.recipe = translator, options, record, recipe
        self.step, self.stopped = step, stopped
        cores = os.cpu_count() or 1
        device = getattr(translator.engine, "device", "cpu")
        self.kind = "cpu" if device == "cpu" else "cuda"
        # onnxruntime uses all cores for one batch by itself.
        self.side_by_side = self.kind == "cpu" and hasattr(translator.engine, "network") and record.folder is not None
        self.lanes, needed = 1, LANE_BYTES
        self.fits: Callable[[int], bool] | None = None
        if hasattr(translator.engine, "network"):
            from translate.model import tiles

            engine: Any = translator.engine
            needed = tiles.bytes_per_pixel(engine)
            self.fits = lambda pixels: pixels * needed < tiles.room(device) * USABLE
        if self.side_by_side and not options.stochastic:
            self.lanes = max(1, min(cores, int(free_memory() / 2 / needed / LANE_PIXELS)))
        self.workers = options.workers or max(1, min(8, cores // 2 if self.side_by_side else cores))
        self.reader = Reader(translator, options, self.kind, self.lanes, self.workers, self._failed)
        self.results = Budget(WAITING_BYTES)  # bytes of outputs that wait to be written
        self.problem: Exception | None = None  # ends the conversion: a full disk or a bug
        self.writer = Writer(self._kept)

    def run(self, jobs: list[Job]) -> None:
        """Translate the jobs, which are images. UserError (exit code 74) when the disk is full."""
        encoders = ThreadPoolExecutor(self.workers)
        lanes = ThreadPoolExecutor(self.lanes, initializer=one_thread)
        with self.writer, encoders, lanes:  # closed in reverse order, so the writer closes last
            running: deque[Future] = deque()
            for batch in self.reader.batches(jobs, lambda: self.stopped() or self.problem):
                alone = not self.side_by_side or batch[0].pixels > LANE_PIXELS
                while running and (alone or len(running) > self.lanes):
                    running.popleft().result()
                if alone:
                    self._translate(batch, encoders)
                else:
                    # All cores are busy with networks, so the same thread encodes as well.
                    running.append(lanes.submit(self._translate, batch, None))
            for future in running:
                future.result()
        if self.problem:
            raise self.problem

    # The network -----------------------------------------------------------------------------------------------------

    def _translate(self, batch: list[Ready], encoders: ThreadPoolExecutor | None) -> None:
        if self.problem:
            return
        try:
            if self.options.stochastic:
                seed(self.options, batch[0].job)
            stacked = [ready.levels for ready in batch]
            if len(batch) == 1 and self.kind == "cpu" and batch[0].pixels <= BATCH_PIXELS["cpu"]:
                stacked *= 2  # a batch of two equal images; see the class's docstring
            outputs = self._run(np.stack(stacked), batch)[: len(batch)]
        except UserError as error:
            self.problem = self.problem or error
        except Exception as error:
            if len(batch) > 1:  # translate one by one, so that only the image that fails is lost
                for ready in batch:
                    self._translate([ready], encoders)
            else:
                tiled = (self.options.rules.tile or self.fits) and out_of_memory(error)
                reason = "too large for the memory in tiles too; --size makes it smaller" if tiled else in_short(error)
                self._failed(Failure(batch[0].job, "translate", reason, batch[0].source["sha256"]))
        else:
            self.results.take(outputs.nbytes)
            if encoders:
                for ready, levels in zip(batch, outputs, strict=True):
                    encoders.submit(self._finish, [ready], levels[None])
            else:
                self._finish(batch, outputs)

    def _run(self, levels: np.ndarray, batch: list[Ready]) -> np.ndarray:
        """The network's output for a batch, computed in tiles when it doesn't fit the memory."""
        rules = self.options.rules
        if not self.fits and levels.shape[0] * batch[0].pixels * LEAST_BYTES > free_memory():
            raise MemoryError  # every network needs at least this much
        if rules.tile or not self.fits or self.fits(levels.shape[0] * batch[0].pixels):
            try:
                return self.translator.run(levels, rules)
            except Exception as error:
                if rules.tile or not self.fits or len(batch) > 1 or not out_of_memory(error):
                    raise
        for ready in batch:
            ready.picture.notes.append(
                f"translated in tiles of {TILE} pixels, since it would not fit the memory at once"
            )
        return self.translator.run(levels[: len(batch)], replace(rules, tile=TILE))

    # Writing ---------------------------------------------------------------------------------------------------------

    def _finish(self, batch: list[Ready], outputs: np.ndarray) -> None:
        """Encode the network's outputs and pass them to the writer."""
        pairs = zip(batch, outputs, strict=True)
        self.writer.put([file for ready, levels in pairs if (file := self._encode(ready, levels))])

    def _encode(self, ready: Ready, levels: np.ndarray) -> Finished[tuple[Job, str, int]] | None:
        """The file to write; None after a failure, which is recorded. The decoded image is not kept in memory."""
        options, job, known = self.options, ready.job, ready.source["sha256"]
        try:
            result = self.translator.finish(ready.picture, levels, options.rules)
            ground = options.rules.background or self.translator.background
            content, lost = picture.encode(result, job.target.suffix, quality=options.quality, background=ground)
        except Exception as error:  # limits of an encoder: WebP allows 16,383 pixels per side
            self.results.give(levels.nbytes)
            self._failed(Failure(job, "write", in_short(error), known))
            return None
        digest = hashlib.sha256(content).hexdigest()
        announce = self.record.making(job, self.recipe, ready.source, digest, [*result.notes, *lost])
        return Finished(job.target, content, announce, (job, known, levels.nbytes))

    def _kept(self, about: tuple[Job, str, int], error: UserError | None) -> None:
        """Called by the writer after each file, with the error if it could not be written."""
        job, known, size = about
        self.results.give(size)
        cause = error.__cause__ if error else None
        if error is None:
            self.step(job)
        elif isinstance(cause, OSError) and cause.errno not in STOPPING:
            self._failed(Failure(job, "write", in_short(cause), known))
        else:
            self.problem = self.problem or error

    def _failed(self, failure: Failure) -> None:
        self.record.fail(failure.job, failure.stage, failure.reason, failure.sha256)
        self.step(failure.job)


def seed(options: Options, job: Job) -> None:
    """Seed dropout from the file's name, so that its sample doesn't depend on the other files."""
    import torch

    digest = hashlib.sha256(f"{options.seed}/{job.name}".encode(errors="surrogateescape")).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def one_thread() -> None:
    """Limit torch's operations in this thread to one core; does nothing when torch isn't imported."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
