"""Per-image random numbers of a training round: the same for any number of processes and threads.

Each process or thread has a part of the batch. It generates the numbers of the whole batch and keeps the rows of its
images, so that all generators advance equally.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor


class _Part(threading.local):
    index, count = 0, 1
    generator: Generator | None = None  # None: torch's global one of the device


_part = _Part()


@contextmanager
def part(index: int, count: int, generator: Generator | None = None) -> Iterator[None]:
    """While entered, this thread has every `count`-th image of the batch, from image `index` on."""
    before = _part.index, _part.count, _part.generator
    _part.index, _part.count, _part.generator = index, count, generator
    try:
        yield
    finally:
        _part.index, _part.count, _part.generator = before


def part_index() -> int:
    """The index of this thread's part of the batch."""
    return _part.index


def part_count() -> int:
    """The number of parts that the batch is divided into."""
    return _part.count


def uniform(rows: int, *shape: int, **where: Any) -> Tensor:
    """U(0, 1) for each of this part's images: (rows, *shape). where: device and dtype."""
    return _rows_here(torch.rand(rows * _part.count, *shape, generator=_part.generator, **where))


def normal(rows: int, *shape: int, **where: Any) -> Tensor:
    """N(0, 1), as `uniform`."""
    return _rows_here(torch.randn(rows * _part.count, *shape, generator=_part.generator, **where))


def integers(low: int, high: int, rows: int, *shape: int, **where: Any) -> Tensor:
    """Whole numbers from low to high - 1, as `uniform`."""
    return _rows_here(torch.randint(low, high, (rows * _part.count, *shape), generator=_part.generator, **where))


def chance() -> float:
    """One U(0, 1) for the whole batch, on the CPU."""
    return torch.rand((), generator=_part.generator).item()


def _rows_here(values: Tensor) -> Tensor:
    return values[_part.index :: _part.count] if _part.count > 1 else values
