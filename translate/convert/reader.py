"""The reader of a conversion: decodes image files in threads and groups them into batches of equal size."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from translate.convert.journal import identity
from translate.convert.options import Options
from translate.convert.plan import Job
from translate.errors import UserError
from translate.image import decode, picture, rgb8
from translate.image.picture import Picture
from translate.model.translator import Translator
from translate.system.memory import Budget, free_memory
from translate.system.text import in_short

BATCH = 64  # images in a batch at most, without --batch
BATCH_PIXELS = {"cpu": 1 << 18, "cuda": 1 << 22}  # pixels in a batch at most; on a CPU more don't fit the caches
SMALL = 16  # images in the last batches of a folder
WAITING_BYTES = 400_000_000  # of decoded images that wait until their batch is full
DECODED_BYTES = 16  # memory for decoding, per pixel, about


class Failure(Exception):
    """A file that can't be translated. stage: 'read', 'translate' or 'write'. reason: a few words."""

    def __init__(self, job: Job, stage: str, reason: str, sha256: str = ""):
        super().__init__(reason)
        self.job, self.stage, self.reason, self.sha256 = job, stage, reason, sha256


@dataclass
class Ready:
    """A decoded file. levels: (H, W, C), the network's input. source: the file's `identity`, for the record."""

    job: Job
    picture: Picture
    levels: np.ndarray
    source: dict[str, Any]

    @property
    def pixels(self) -> int:
        return self.levels.shape[0] * self.levels.shape[1]

    @property
    def bytes(self) -> int:
        return self.levels.nbytes + self.picture.colours.nbytes


class Reader:
    """kind: 'cpu' or 'cuda', the network's device. lanes: batches that are translated in parallel. workers: threads.

    failed: called with the Failure of each file that can't be read. largest: the longest side so far, in pixels.
    """

    def __init__(
        self,
        translator: Translator,
        options: Options,
        kind: str,
        lanes: int,
        workers: int,
        failed: Callable[[Failure], object],
    ):
        self.translator, self.options, self.failed = translator, options, failed
        self.kind, self.lanes, self.workers = kind, lanes, workers
        self.typical = 0  # bytes of the last picture read
        self.largest = 0
        self.decoding = Budget(int(min(free_memory() / 4, 1 << 40)))

    def batches(self, jobs: list[Job], stopped: Callable[[], object]) -> Iterator[list[Ready]]:
        """Batches of images of equal shape and dtype, in the order in which they fill.

        stopped: called before each file; a true result ends the reading.
        """
        with ThreadPoolExecutor(self.workers) as threads:
            waiting: dict[tuple, list[Ready]] = {}
            held = 0  # bytes of all waiting images
            for left, ready in self._read_ahead(threads, jobs, stopped):
                key = (ready.levels.shape, ready.levels.dtype.name)
                group = waiting.setdefault(key, [])
                group.append(ready)
                held += ready.bytes
                if len(group) < self._size(ready, left):
                    if held <= WAITING_BYTES:
                        continue
                    key = max(waiting, key=lambda key: sum(entry.bytes for entry in waiting[key]))
                batch = waiting.pop(key)
                held -= sum(entry.bytes for entry in batch)
                yield batch
            threads.shutdown(cancel_futures=True)
            yield from waiting.values()

    def _size(self, ready: Ready, left: int) -> int:
        """The batch size for images of this shape. left: images of any shape that are still to be read."""
        fitting = BATCH_PIXELS[self.kind] // ready.pixels
        if self.options.stochastic or self.options.rules.tile or (self.kind == "cpu" and not fitting):
            return 1
        # Batches become smaller towards the end, so that all lanes finish at about the same time.
        share = BATCH if self.lanes == 1 else max(SMALL, left // (2 * self.lanes))
        return self.options.batch or max(1, min(BATCH, fitting, share))

    def _read_ahead(self, threads: ThreadPoolExecutor, jobs: list[Job], stopped) -> Iterator[tuple[int, Ready]]:
        """(number of jobs left, image) in the jobs' order. Files that can't be read go to `failed` and are left out."""
        ahead: deque[Future[Ready]] = deque()
        coming, left = iter(jobs), len(jobs)
        while not stopped():
            many = min(self.workers + BATCH, max(self.workers, WAITING_BYTES // max(self.typical, 1)))
            while len(ahead) < many and (job := next(coming, None)):
                ahead.append(threads.submit(self._read, job))
            if not ahead:
                return
            left -= 1
            try:
                ready = ahead.popleft().result()
            except Failure as failure:
                self.failed(failure)
            else:
                self.typical = ready.bytes
                self.largest = max(self.largest, *ready.levels.shape[:2])
                yield left, ready

    def _read(self, job: Job) -> Ready:
        digest = ""
        try:
            data = rgb8.contents(job.source)
            status = job.source.stat()
            digest = hashlib.sha256(data).hexdigest()
            with self.decoding.taken(decode.pixels(data) * DECODED_BYTES):
                values = self.options.values or self.translator.values_in
                taken = picture.parse(data, max_pixels=self.options.max_pixels, values=values)
                levels = self.translator.prepare(taken, self.options.rules)
            return Ready(job, taken, levels, identity(status, digest))
        except rgb8.ImageError as error:
            raise Failure(job, "read", str(error), digest) from None
        except UserError:
            raise
        except Exception as error:  # of any decoder: only this file fails, and the conversion goes on
            raise Failure(job, "read", in_short(error), digest) from None
