"""Picture files in batches of equal size, read ahead of who translates them."""

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

BATCH = 64  # where --batch doesn't say: at most so many images,
BATCH_PIXELS = {"cpu": 1 << 18, "cuda": 1 << 22}  # and at most so many pixels; on a CPU more only leaves the caches
SMALL = 16  # images in the last batches of a folder
WAITING_BYTES = 400_000_000  # decoded pictures that wait for others of their size
DECODED_BYTES = 16  # about what reading needs for each pixel of a file


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

    @property
    def pixels(self) -> int:
        return self.levels.shape[0] * self.levels.shape[1]

    @property
    def bytes(self) -> int:
        return self.levels.nbytes + self.picture.colours.nbytes


class Reader:
    """kind: 'cpu' or 'cuda', where the network runs, in so many `lanes` side by side. workers: threads that read.

    failed: told of each file that can't be read. largest: side of any picture that was read.
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
        """Batches of equal size and kind, in the order in which they fill. stopped: asked before each file."""
        with ThreadPoolExecutor(self.workers) as threads:
            waiting: dict[tuple, list[Ready]] = {}
            held = 0  # bytes of all that waits
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
        """How many pictures like this one are a batch; left: pictures of any size that are still to come."""
        fitting = BATCH_PIXELS[self.kind] // ready.pixels
        if self.options.stochastic or self.options.rules.tile or (self.kind == "cpu" and not fitting):
            return 1
        # Towards the end smaller ones, so that all lanes end at about the same time.
        share = BATCH if self.lanes == 1 else max(SMALL, left // (2 * self.lanes))
        return self.options.batch or max(1, min(BATCH, fitting, share))

    def _read_ahead(self, threads: ThreadPoolExecutor, jobs: list[Job], stopped) -> Iterator[tuple[int, Ready]]:
        """(how many follow, the picture) in the jobs' order; what can't be read is recorded and left out."""
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
        except Exception as error:  # a decoder's, of whatever kind: one file costs only itself
            raise Failure(job, "read", in_short(error), digest) from None
