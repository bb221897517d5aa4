"""A thread that writes finished files to the disk, many at a time, while other threads compute."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from translate.errors import UserError
from translate.system.files import TOGETHER, Announce, write_together

About = TypeVar("About")


@dataclass
class Finished(Generic[About]):
    """A file to write. content: all of it. announce: called before the rename. about: passed to `kept`."""

    path: Path
    content: bytes
    announce: Announce
    about: About


class Writer(Generic[About]):
    """A context. `put` returns at once; leaving waits until all files are on the disk.

    kept: called in the writer's thread for each file with its `about`, and with None after success or with the error.
    """

    def __init__(self, kept: Callable[[About, UserError | None], None]):
        self.kept = kept
        self.waiting: deque[Finished[About]] = deque()
        self.thread = ThreadPoolExecutor(1)
        self.problem: Exception | None = None  # a bug, for example in `kept`

    def __enter__(self) -> "Writer[About]":
        return self

    def __exit__(self, *_) -> None:
        self.thread.shutdown()
        if self.problem:
            raise self.problem

    def put(self, files: list[Finished[About]]) -> None:
        self.waiting += files
        self.thread.submit(self._keep)

    def _keep(self) -> None:
        while self.waiting:  # includes files that were put during the loop
            group = [self.waiting.popleft() for _ in range(min(len(self.waiting), TOGETHER))]
            errors: Sequence[UserError | None]
            try:
                errors = write_together((file.path, file.content, file.announce) for file in group)
            except Exception as problem:  # a bug: report these files as failed, so that no thread waits for them
                self.problem = self.problem or problem
                errors = [UserError(str(problem))] * len(group)
            for file, error in zip(group, errors, strict=True):
                try:
                    self.kept(file.about, error)
                except Exception as problem:
                    self.problem = self.problem or problem
