"""The images that are checked: what their files' headers say, and what their pixels are."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from translate.check.likeness import reduced
from translate.data.items import Item
from translate.image.header import Header
from translate.image.header import read as read_header
from translate.image.source import ImageError, refuse_large
from translate.system.files import sha256
from translate.values import files as values

COLOURED = 12  # levels by which the channels of a coloured pixel differ, after averaging


@dataclass
class Pixels:
    """small: uint8 (12, 12, 3), see likeness.py. low, high: of all channels. digest: of a picture in a file of many."""

    small: np.ndarray
    low: int
    high: int
    grey: bool
    digest: str = ""


@dataclass
class File:
    """One file. problem: why it is no image by its header, or "". sha256: "" if no other file has as many bytes."""

    header: Header | None
    problem: str = ""
    sha256: str = ""


@dataclass
class Seen:
    """One image of a domain ("a" or "b"). part: "train" or "test". pixels: None where they weren't read."""

    letter: str
    part: str
    item: Item
    file: File
    pixels: Pixels | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, upright; (0, 0) if unknown."""
        if self.item.height:
            return self.item.height, self.item.width
        header = self.file.header
        if header is None:
            return 0, 0
        return header.height, header.width // 2 if self.item.part else header.width

    def __str__(self) -> str:
        return f"{self.letter}: {self.item.name}{f' ({self.item.part} half)' if self.item.part else ''}"


def files(paths: Iterable[Path], max_pixels: int, advance: Callable[[int], None]) -> dict[Path, File]:
    """What is known of each file without decoding it. advance: called after each, with the number of bad ones."""
    unique = list(dict.fromkeys(paths))
    bad = 0

    def one(path: Path) -> tuple[int, File]:
        try:
            header = _header(path)
            refuse_large(header.width, header.height, max_pixels)
            return path.stat().st_size, File(header)
        except (ImageError, OSError) as error:
            return -1, File(None, str(error))

    found: dict[Path, File] = {}
    by_bytes: dict[int, list[Path]] = defaultdict(list)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for path, (size, file) in zip(unique, threads.map(one, unique), strict=True):
            found[path] = file
            if size > 0:
                by_bytes[size].append(path)
            bad += bool(file.problem)
            advance(bad)
        equal = [path for group in by_bytes.values() if len(group) > 1 for path in group]
        for path, digest in zip(equal, threads.map(_digest, equal), strict=True):
            found[path].sha256 = digest
    return found


def _header(path: Path) -> Header:
    """Of a picture, or of measured values. Raises only ImageError."""
    try:
        return read_header(path)
    except ImageError:
        kind = values.kind_of(path)
        if kind in (None, "plain"):
            raise
        found = values.header(path)
        bits = 8 * np.dtype(found.dtype).itemsize
        return Header(str(kind).upper(), found.height, found.width, bits, False, found.channels == 1, "")


def _digest(path: Path) -> str:
    try:
        return sha256(path)
    except OSError:
        return ""


class Looker:
    """What `open_data` shows every image to. seen: by id of the item, which is kept, so that no id is used twice."""

    def __init__(self, advance: Callable[[int], None]):
        self.advance = advance
        self.seen: dict[int, tuple[Item, Pixels]] = {}

    def __call__(self, item: Item, whole: np.ndarray) -> None:
        small = reduced(whole)
        grey = whole.shape[2] == 1 or int(np.ptp(small.astype(np.int16), axis=2).max()) <= COLOURED
        digest = "" if item.place is None else hashlib.sha256(whole.tobytes()).hexdigest()
        self.seen[id(item)] = item, Pixels(small, int(whole.min()), int(whole.max()), grey, digest)
        self.advance(0)

    def of(self, item: Item) -> Pixels | None:
        found = self.seen.get(id(item))
        return found[1] if found else None
