"""Decoded images of one size: read from their files, checked, and optionally kept in memory."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from translate.data.items import Item, Problem
from translate.data.reader import Reader
from translate.errors import UserError
from translate.image import decode, rgb8
from translate.system.files import sha256
from translate.system.memory import Budget, free_memory
from translate.system.text import in_short, printable

DECODED_BYTES = 16  # approximate memory in bytes to read one pixel of a file
HEAD = 1 << 16  # bytes at a file's start that hold the image size, except in some TIFFs
Watcher = Callable[[Item, np.ndarray], None]  # gets an image and its pixels as shown: uint8 (H, W, C)


@dataclass
class Pictures:
    """Some images of one domain at one size: pictures[i] is (H, W, C) of the reader's dtype, from memory or a file."""

    items: list[Item]
    reader: Reader
    size: tuple[int, int]
    stack: np.ndarray | None = field(default=None, repr=False)  # (N, H, W, C)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.at(index, self.size)

    def at(self, index: int, size: tuple[int, int]) -> np.ndarray:
        """Image `index` at any size. Raises UserError that names the file when it can't be read any more."""
        if self.stack is not None and size == self.size:
            return self.stack[index]
        item = self.items[index]
        try:
            return self.reader.sized(self.reader.whole(item), size)
        except rgb8.ImageError as error:
            raise UserError(
                f"{printable(str(item.path))} can't be read any more ({error}), although it could when the data was "
                "opened; put it back, or start again without it."
            ) from error

    def keep(self, wanted: list[bool]) -> None:
        """Keep only the images where `wanted` is true."""
        if all(wanted):
            return
        self.items = [item for item, good in zip(self.items, wanted, strict=True) if good]
        if self.stack is not None:
            self.stack = self.stack[np.array(wanted, bool)]

    def scan(
        self,
        in_memory: bool,
        done: Callable[[], None],
        problems: list[Problem],
        watcher: Watcher | None = None,
        empty: float = 1.0,
    ) -> list[bool]:
        """Read every file completely, once, in as many threads as there are cores; return which are usable.

        Fills in the items' missing fields and, with `in_memory`, the stack. `done` is called after each image, and
        `watcher` with each one that could be read, in its thread. empty: images of which a larger share has no value
        are left out, and windows of one value too.
        """
        if in_memory:
            self.stack = np.zeros((len(self), *self.size, self.reader.channels), self.reader.dtype)

        decoding = Budget(int(min(free_memory() / 4, 1 << 40)))  # of all threads together
        shared = {path: sha256(path) for path in {item.path for item in self.items if item.several}}

        def one(index: int) -> Problem | None:
            item = self.items[index]
            try:
                with decoding.taken(0 if item.several else _pixels(item) * DECODED_BYTES):
                    whole = self.reader.whole(item)
                    small = self.reader.sized(whole, self.size)
                    item.height, item.width = whole.shape[:2]
                    if watcher:
                        watcher(item, self.reader.shown(whole))
                    del whole
                item.digest = shared.get(item.path) or sha256(item.path)
            except rgb8.ImageError as error:
                return Problem("unreadable", f"{item.name}: {error}")
            except UserError:
                raise  # a damaged file of many images; the catalog's message explains it
            except Exception as error:  # decoders raise many types; only this file is left out
                return Problem("unreadable", f"{item.name}: {in_short(error)}")
            if self.stack is not None:
                self.stack[index] = small
            # Arrays were checked when the recipe was made; a second check would take seconds.
            blank = item.place is None and self.reader.blank(small)
            if self.reader.empty(small) > empty or (blank and item.window):
                item.digest = ""  # it isn't used
                return Problem("empty", item.name)
            if not blank:
                return None
            return Problem("blank", f"{item.name}{f' ({item.part} half)' if item.part else ''}")

        def some(indices: range) -> list[Problem | None]:
            return [one(index) for index in indices]

        usable = []
        cores = os.cpu_count() or 1
        step = max(1, min(500, len(self) // (8 * cores)))  # one call per tiny image would be too slow
        with ThreadPoolExecutor(cores) as pool:
            for found in pool.map(some, [range(i, min(i + step, len(self))) for i in range(0, len(self), step)]):
                for problem in found:
                    usable.append(problem is None or problem.kind not in ("unreadable", "empty"))
                    if problem is not None:
                        problems.append(problem)
                    done()
        return usable


def _pixels(item: Item) -> int:
    """The number of pixels in the file's header; 0 if it can't be read, which `whole` reports."""
    try:
        if not item.path.is_file():  # before opening, because a FIFO would block forever
            return 0
        with open(item.path, "rb") as file:
            return decode.pixels(file.read(HEAD))
    except OSError:
        return 0
