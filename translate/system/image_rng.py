"""Random numbers of a training round: an image gets its own, however many processes and threads share its batch.

Whoever works on a share of a batch draws for the whole batch and keeps the rows of its own images; so the same numbers
are drawn everywhere, and the streams stay in step.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor


class _Part(threading.local):
    index, count = 0, 1
    generator: Generator | None = None  # None: torch's own, of the device


_part = _Part()


@contextmanager
def part(index: int, count: int, generator: Generator | None = None) -> Iterator[None]:
    """In this thread: only every `count`-th image of the batch is here, from number `index` on."""
    before = _part.index, _part.count, _part.generator
    _part.index, _part.count, _part.generator = index, count, generator
    try:
        yield
    finally:
        _part.index, _part.count, _part.generator = before


def part_index() -> int:
    """Which share of the batch this thread works on."""
    return _part.index


def part_count() -> int:
    """How many shares the batch is in."""
    return _part.count


def uniform(rows: int, *shape: int, **where: Any) -> Tensor:
    """U(0, 1) for each of the `rows` images that are here: (rows, *shape). where: device and dtype."""
    return _own(torch.rand(rows * _part.count, *shape, generator=_part.generator, **where))


def normal(rows: int, *shape: int, **where: Any) -> Tensor:
    """N(0, 1), as `uniform`."""
    return _own(torch.randn(rows * _part.count, *shape, generator=_part.generator, **where))


def integers(low: int, high: int, rows: int, *shape: int, **where: Any) -> Tensor:
    """Whole numbers from low to high - 1, as `uniform`."""
    return _own(torch.randint(low, high, (rows * _part.count, *shape), generator=_part.generator, **where))


def chance() -> float:
    """One U(0, 1) for the whole batch, on the CPU."""
    return torch.rand((), generator=_part.generator).item()


def _own(drawn: Tensor) -> Tensor:
    return drawn[_part.index :: _part.count] if _part.count > 1 else drawn
