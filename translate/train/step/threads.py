"""Threads that play parts of a batch at the same time, on a CPU."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Generator, Tensor

from translate.modes import Turn
from translate.system import distributed, image_rng

Gradients = Sequence[Tensor | None]


class Shares:
    """`count` threads, each with a share of the batch and with kernels of one thread.

    Quicker than kernels of many threads, and it doesn't stall when another program takes a core: nobody waits for a
    core at the end of every kernel, only at the end of a turn.
    """

    def __init__(self, count: int):
        self.count = count
        self.threads = ThreadPoolExecutor(count, initializer=_single)

    def turn(
        self,
        games: Sequence[Iterator[Turn]],
        play: Callable[[Iterator[Turn]], Turn],
        slopes: Callable[[Turn], Gradients],
    ) -> tuple[list[Turn], list[Tensor | None]]:
        """`play` each game's next turn; the turns, and the mean of their gradients (`slopes`), summed in the games'
        order whichever ends first."""
        numbers = torch.get_rng_state()

        def one(share: int) -> tuple[Turn, Gradients, Generator]:
            generator = Generator()
            generator.set_state(numbers)
            with image_rng.share(
                distributed.index() + distributed.count() * share, len(games) * distributed.count(), generator
            ):
                turn = play(games[share])
                return turn, slopes(turn) if turn.player else [], generator

        turns, gradients, generators = zip(*self.threads.map(one, range(len(games))), strict=True)
        torch.set_rng_state(generators[0].get_state())
        return list(turns), [_mean(found) for found in zip(*gradients, strict=True)]


def _mean(gradients: Gradients) -> Tensor | None:
    there = [gradient for gradient in gradients if gradient is not None]
    return sum(there[1:], there[0]) / len(gradients) if there else None


def _single() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # both are a thread's own


@contextmanager
def one_thread() -> Iterator[None]:
    """While entered, the kernels called from here have one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
