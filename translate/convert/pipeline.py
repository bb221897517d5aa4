"""Files through a translator: decoding and encoding in threads, the network in the middle, batches across files."""

import errno
import hashlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from translate import images, picture
from translate.convert.options import Options
from translate.convert.plan import Job
from translate.convert.record import Record, identity
from translate.errors import UserError
from translate.files import write_whole
from translate.memory import Budget, free_memory
from translate.picture import Picture
from translate.translator import Translator
from translate.words import in_short

BATCH = {"cpu": 32, "cuda": 64}  # where --batch doesn't say: at most so many images,
BATCH_PIXELS = {"cpu": 1 << 18, "cuda": 1 << 22}  # and at most so many pixels; on a CPU more only leaves the caches
LANE_PIXELS = 1 << 20  # larger pictures go one by one, with all cores for each
LANE_BYTES = 1500  # about what a network needs for each pixel of its input
WAITING_BYTES = 400_000_000  # decoded pictures that wait for others of their size
STOPPING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # of no use to try the next file


class Failure(Exception):
    """One file that can't be translated: at which stage, and why, in a few words."""

    def __init__(self, job: Job, stage: str, reason: str, sha256: str = ""):
        super().__init__(reason)
        self.job, self.stage, self.reason, self.sha256 = job, stage, reason, sha256


@dataclass
class Ready:
    """A file that was read. source: what identifies it in the record."""

    job: Job
    picture: Picture
    levels: np.ndarray
    source: dict[str, Any]


class Pipeline:
    """Readers, the network, and writers at work at the same time.

    On a CPU several networks with one thread each run side by side: nobody waits for anybody, and a core that another
    program takes is missed by one of them only. How a picture is run depends on its size alone, never on what is beside
    it, so that its bytes don't either: torch's CPU convolutions round a batch of one differently from larger ones (two
    and more are all alike), so small pictures are never alone and large ones always.

    step: called after each file with its job. stopped: asked before each file; True ends the work in order.
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
        # onnxruntime spreads its work over the cores itself.
        self.side_by_side = self.kind == "cpu" and hasattr(translator.engine, "network") and record.folder is not None
        self.lanes = 1
        if self.side_by_side and not options.stochastic:
            self.lanes = max(1, min(cores, int(free_memory() / 2 / LANE_BYTES / LANE_PIXELS)))
        self.workers = options.workers or max(1, min(8, cores // 2 if self.side_by_side else cores))
        self.results = Budget(WAITING_BYTES)  # that wait to be written
        self.typical = 0  # bytes of the last picture read
        self.largest = 0  # side of any picture that was translated
        self.problem: Exception | None = None  # what ends the work: a full disk, a bug

    def run(self, jobs: list[Job]) -> None:
        """Translate the jobs, which are images. UserError (exit code 74) when the disk is full."""
        readers, writers = ThreadPoolExecutor(self.workers), ThreadPoolExecutor(self.workers)
        lanes = ThreadPoolExecutor(self.lanes, initializer=one_thread)
        with readers, writers, lanes:  # left in the opposite order: what is translated is written
            running: deque[Future] = deque()
            for batch in self._batches(readers, jobs):
                alone = not self.side_by_side or _pixels(batch[0].levels) > LANE_PIXELS
                while running and (alone or len(running) > self.lanes):
                    running.popleft().result()
                if alone:
                    self._translate(batch, writers)
                else:
                    # Beside other networks a writer would only be one more thread that wants a core.
                    running.append(lanes.submit(self._translate, batch, None))
            readers.shutdown(cancel_futures=True)
            for future in running:
                future.result()
        if self.problem:
            raise self.problem

    # Reading ---------------------------------------------------------------------------------------------------------

    def _batches(self, readers: ThreadPoolExecutor, jobs: list[Job]) -> Iterator[list[Ready]]:
        """Batches of equal size and kind, in the order in which they fill."""
        waiting: dict[tuple, list[Ready]] = {}
        held = 0  # bytes of all that waits
        for ready in self._read_ahead(readers, jobs):
            key = (ready.levels.shape, ready.levels.dtype.name)
            group = waiting.setdefault(key, [])
            group.append(ready)
            held += _bytes(ready)
            if len(group) < self._batch_size(ready.levels):
                if held <= WAITING_BYTES:
                    continue
                key = max(waiting, key=lambda key: sum(map(_bytes, waiting[key])))
            batch = waiting.pop(key)
            held -= sum(map(_bytes, batch))
            yield batch
        yield from waiting.values()

    def _read_ahead(self, readers: ThreadPoolExecutor, jobs: list[Job]) -> Iterator[Ready]:
        """The jobs' pictures in order; what can't be read is recorded and left out."""
        ahead: deque[Future[Ready]] = deque()
        coming = iter(jobs)
        while not self.stopped() and not self.problem:
            many = min(self.workers + BATCH[self.kind], max(self.workers, WAITING_BYTES // max(self.typical, 1)))
            while len(ahead) < many and (job := next(coming, None)):
                ahead.append(readers.submit(self._read, job))
            if not ahead:
                return
            try:
                ready = ahead.popleft().result()
                self.typical = _bytes(ready)
                self.largest = max(self.largest, *ready.levels.shape[:2])
                yield ready
            except Failure as failure:
                self._failed(failure)

    def _read(self, job: Job) -> Ready:
        digest = ""
        try:
            data = images.contents(job.source)
            status = job.source.stat()
            digest = hashlib.sha256(data).hexdigest()
            taken = picture.parse(data, max_pixels=self.options.max_pixels)
            return Ready(job, taken, self.translator.prepare(taken, self.options.rules), identity(status, digest))
        except images.ImageError as error:
            raise Failure(job, "read", str(error), digest) from None
        except (OSError, MemoryError) as error:
            raise Failure(job, "read", in_short(error), digest) from None

    def _batch_size(self, levels: np.ndarray) -> int:
        fitting = BATCH_PIXELS[self.kind] // _pixels(levels)
        if self.options.stochastic or self.options.rules.tile or (self.kind == "cpu" and not fitting):
            return 1
        return self.options.batch or max(1, min(BATCH[self.kind], fitting))

    # The network -----------------------------------------------------------------------------------------------------

    def _translate(self, batch: list[Ready], writers: ThreadPoolExecutor | None) -> None:
        if self.problem:
            return
        try:
            if self.options.stochastic:
                self._seed(batch[0].job)
            stacked = [ready.levels for ready in batch]
            if len(batch) == 1 and self.kind == "cpu" and _pixels(stacked[0]) <= BATCH_PIXELS["cpu"]:
                stacked *= 2  # with itself: see above
            outputs = self.translator.run(np.stack(stacked), self.options.rules)[: len(batch)]
        except UserError as error:
            self.problem = self.problem or error
        except Exception as error:
            if len(batch) > 1:  # whichever it was: only that one is lost
                for ready in batch:
                    self._translate([ready], writers)
            else:
                self._failed(Failure(batch[0].job, "translate", in_short(error), batch[0].source["sha256"]))
        else:
            for ready, levels in zip(batch, outputs, strict=True):
                self.results.take(levels.nbytes)
                if writers:
                    writers.submit(self._write, ready, levels)
                else:
                    self._write(ready, levels)

    def _seed(self, job: Job) -> None:
        """Dropout's draw is the file's own, whatever else is translated beside it."""
        import torch

        digest = hashlib.sha256(f"{self.options.seed}/{job.name}".encode(errors="surrogateescape")).digest()
        torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    # Writing ---------------------------------------------------------------------------------------------------------

    def _write(self, ready: Ready, levels: np.ndarray) -> None:
        options, job = self.options, ready.job
        try:
            result = self.translator.finish(ready.picture, levels, options.rules)
            ground = options.rules.background or self.translator.background
            content, lost = picture.encode(result, job.target.suffix, quality=options.quality, background=ground)
            digest = hashlib.sha256(content).hexdigest()
            announce = self.record.making(job, self.recipe, ready.source, digest, [*result.notes, *lost])
            write_whole(job.target, content, announce)
        except UserError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno not in STOPPING:
                self._failed(Failure(job, "write", in_short(cause), ready.source["sha256"]))
            else:
                self.problem = self.problem or error
        except Exception as error:  # an encoder's own limits: WebP ends at 16,383 pixels
            self._failed(Failure(job, "write", in_short(error), ready.source["sha256"]))
        else:
            self.step(job)
        finally:
            self.results.give(levels.nbytes)

    def _failed(self, failure: Failure) -> None:
        self.record.fail(failure.job, failure.stage, failure.reason, failure.sha256)
        self.step(failure.job)


def _pixels(levels: np.ndarray) -> int:
    return levels.shape[0] * levels.shape[1]


def _bytes(ready: Ready) -> int:
    return ready.levels.nbytes + ready.picture.colours.nbytes


def one_thread() -> None:
    """Of the torch that this thread runs; nothing where torch isn't used."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
